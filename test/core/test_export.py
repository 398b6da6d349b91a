"""The exported file: what it holds, that it says what torch says, and that nothing else is written."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from dfs_core import artifact
from dfs_core.artifact import Artifact
from dfs_core.errors import ArtifactError
from dfs_core.export import write
from dfs_core.labels import CAMVID_11
from dfs_core.models import create_generator, create_segmenter
from dfs_core.models.pipeline import Network, Pipeline
from dfs_core.runtime import load


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = Network(create_generator("fast"), create_segmenter("lite", CAMVID_11, {"pretrained": False})).eval()
    with torch.no_grad():  # logits far apart, as those of a trained network are
        network.segmenter.logits.weight.mul_(50.0)
    return network.requires_grad_(False)


@pytest.fixture(scope="module")
def path(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    write(network, Artifact("test", CAMVID_11, training_data="nothing", license="none"), path)
    return path


def test_description_comes_back(path):
    description = artifact.read(path)
    assert description.labels == CAMVID_11
    assert description.training_data == "nothing"


def test_graph_has_the_names_of_the_contract(path):
    graph = onnx.shape_inference.infer_shapes(onnx.load(path)).graph
    assert [value.name for value in graph.input] == ["frames"]
    assert [value.name for value in graph.output] == ["dehazed", "mask", "fog_density"]
    inner = {name for node in graph.node for name in node.output}
    assert {"low_resolution", "restoration"} <= inner


def test_file_does_not_say_where_it_was_made(path):
    assert str(Path(torch.__file__).parent).encode() not in path.read_bytes()
    assert str(Path(artifact.__file__).parent).encode() not in path.read_bytes()


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("size", [(540, 960), (360, 480), (97, 331), (400, 300)], ids=str)
def test_backends_say_what_torch_says(network, path, backend, size):
    rng = np.random.default_rng(1)
    frames = np.clip(
        rng.normal(0, 5, (2, *size, 3)) + np.linspace(60, 220, size[1])[None, None, :, None], 0, 255
    ).astype(np.uint8)  # fmt: skip
    with load(path, backend) as dehazer, torch.inference_mode():
        result, expected = dehazer(frames), Pipeline(network)(torch.from_numpy(frames))
    assert np.abs(result.dehazed.astype(int) - expected.dehazed.numpy()).max() <= 1
    assert (result.mask == expected.mask.numpy()).mean() >= 0.999
    np.testing.assert_allclose(result.fog_density, expected.fog_density.numpy(), rtol=1e-3)


def test_file_that_differs_from_torch_is_not_written(network, tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the one before")
    monkeypatch.setattr("dfs_core.export.LARGEST_DIFFERENCE", -1)
    with pytest.raises(ArtifactError, match="not written, because ONNX Runtime differs from torch"):
        write(network, Artifact("test", CAMVID_11), path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]
    assert path.read_bytes() == b"the one before"
