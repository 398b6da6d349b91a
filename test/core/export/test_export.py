"""The exported file: what it holds, that it says what torch says, and that nothing else is written."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from dfs_core import artifact, onnx_trace
from dfs_core.artifact import Artifact
from dfs_core.errors import ArtifactError
from dfs_core.export import parity
from dfs_core.export.command import Precision, export
from dfs_core.export.half import to_half
from dfs_core.export.writing import COST_SIZE, write
from dfs_core.labels import CAMVID_11
from dfs_core.models.cost import cost
from dfs_core.models.pipeline import Network, Pipeline
from dfs_core.onnx_reach import seen_unshrunk
from dfs_core.runtime import load
from dfs_core.training import checkpoint


@pytest.fixture(scope="module")
def network(parts):
    return Network(*parts).eval()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("export") / "model.onnx"


@pytest.fixture(scope="module", autouse=True)
def written(network, path):
    return write(network, Artifact("test", CAMVID_11, training_data="nothing", license="none"), path)


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
    monkeypatch.setitem(parity.BOUNDS, "fp32", replace(parity.BOUNDS["fp32"], largest=-1))
    monkeypatch.setattr(parity, "FRAMES", parity.FRAMES[:1])
    with pytest.raises(ArtifactError, match=r"not written, because it is not what torch computes: onnxruntime on 1 × "):
        write(network, Artifact("test", CAMVID_11), path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]
    assert path.read_bytes() == b"the one before"


@pytest.mark.parametrize(
    "wrong", [{"largest": 2}, {"mean": 0.1}, {"labels": 0.99}, {"density": 0.01}], ids=lambda wrong: next(iter(wrong))
)
def test_each_figure_out_of_its_bound_is_refused(wrong):
    row = parity.Row("openvino", parity.FRAMES[0], 0, 0.0, 1.0, 0.0)
    parity.refuse_difference([row], parity.BOUNDS["fp32"], Path("model.onnx"))
    with pytest.raises(ArtifactError, match=r"model\.onnx: not written, .* openvino on 1 × 480x270 differs by"):
        parity.refuse_difference([row, replace(row, **wrong)], parity.BOUNDS["fp32"], Path("model.onnx"))


@pytest.mark.parametrize("field", ["mean", "labels", "density"])
def test_what_is_not_a_number_does_not_pass(field):
    row = parity.Row("openvino", parity.FRAMES[0], 0, 0.0, 1.0, 0.0)
    assert row.passes(parity.BOUNDS["fp32"])
    assert not replace(row, **{field: math.nan}).passes(parity.BOUNDS["fp32"])


def test_every_backend_is_compared_at_several_sizes_and_with_two_frames_at_once(written):
    assert {row.backend for row in written.parity} == {"onnxruntime", "openvino"}
    for backend in ("onnxruntime", "openvino"):
        frames = [row.frames for row in written.parity if row.backend == backend]
        assert len({(shape.height, shape.width) for shape in frames}) >= 3
        assert {shape.batch for shape in frames} == {1, 2}


def test_cost_is_that_of_torch(network, written):
    height, width = Artifact("test", CAMVID_11).network_size(*COST_SIZE)
    parts = [cost(part, (1, 3, height, width)) for part in (network.generator, network.segmenter)]
    assert written.macs == sum(part.macs for part in parts)
    assert written.opset == 18


def test_no_norm_is_left(path):
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(path).graph.node}


@pytest.fixture(scope="module")
def half_path(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "half.onnx"
    write(network, Artifact("test_half", CAMVID_11, precision="fp16"), path)
    return path


def test_half_precision_makes_the_file_smaller_and_says_so(path, half_path):
    assert artifact.read(half_path).precision == "fp16"
    assert half_path.stat().st_size < 0.7 * path.stat().st_size  # the features of the scene stay as they are


def test_convolutions_are_in_half_precision_and_the_cut_points_are_not(half_path):
    inferred = onnx.shape_inference.infer_shapes(onnx.load(half_path), strict_mode=True).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*inferred.value_info, *inferred.output)}
    unshrunk = seen_unshrunk(inferred.node, {"low_resolution"})
    convolutions = {node.output[0] for node in inferred.node if node.op_type in {"Conv", "Gemm"}}
    assert {kinds[name] for name in convolutions & unshrunk} == {onnx.TensorProto.FLOAT16}
    assert {kinds[name] for name in convolutions - unshrunk} == {onnx.TensorProto.FLOAT}  # the scene at a glance
    assert {kinds[name] for name in ("low_resolution", "restoration", "fog_density")} == {onnx.TensorProto.FLOAT}


def test_weight_too_large_for_half_precision_is_named(network):
    core = onnx_trace.trace(network, ("restoration", "mask", "fog_density"))
    lowered = seen_unshrunk(core.graph.node, {"low_resolution"})
    weight = next(node.input[1] for node in core.graph.node if node.op_type == "Conv" and node.output[0] in lowered)
    tensor = next(tensor for tensor in core.graph.initializer if tensor.name == weight)
    tensor.CopyFrom(numpy_helper.from_array(np.full(tensor.dims, 7e4, np.float32), weight))
    with pytest.raises(ArtifactError, match=rf"{weight}: holds 70000, which 16 bits cannot \(65504 at most\)"):
        to_half(core)


@pytest.mark.parametrize(("widths", "asked", "told"), [((96, 96), None, 96), ((96, 480), 112, 112)])
def test_networks_look_at_frames_of_the_width_they_are_for(
    checkpoints, parts, tmp_path, monkeypatch, widths, asked, told
):
    monkeypatch.setattr(parity, "FRAMES", parity.FRAMES[1:2])
    export(*_of_width(checkpoints, widths, tmp_path), tmp_path / "model.onnx", network_width=asked)
    assert artifact.read(tmp_path / "model.onnx").network_width == told
    frame = np.random.default_rng(3).integers(0, 256, (90, 160, 3), np.uint8)
    with load(tmp_path / "model.onnx", "openvino", precision="fp32", threads=1) as dehazer:
        result = dehazer(frame[None])
    expected = Pipeline(Network(*parts), told)(torch.from_numpy(frame[None]))
    assert result.mask.shape == (1, 48 if told == 96 else 64, told)
    assert np.abs(result.dehazed.astype(int) - expected.dehazed.numpy()).max() <= 1


def test_networks_for_frames_of_two_widths_are_refused(checkpoints, tmp_path):
    generator, segmenter = _of_width(checkpoints, (96, 480), tmp_path)
    words = f"{generator} was trained for frames 96 pixels wide, but {segmenter} for 480, .* --network-width 480"
    with pytest.raises(ArtifactError, match=words):
        export(generator, segmenter, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def _of_width(checkpoints, widths, folder):
    """Return copies of checkpoints whose networks are for frames of these widths; 480 is not said."""
    copies = [folder / path.name for path in checkpoints]
    for path, width, copy in zip(checkpoints, widths, copies, strict=True):
        state = checkpoint.load(path)
        config = state.config if width == 480 else state.config | {"network_width": width}
        checkpoint.save(copy, replace(state, config=config))
    return copies


def test_command_prints_cost_and_comparison_and_writes_them(checkpoints, parts, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(parity, "FRAMES", parity.FRAMES[-1:])
    out, json_file = tmp_path / "model.onnx", tmp_path / "figures.json"
    export(*checkpoints, out, precision=Precision.FP16, json_=json_file)
    description = artifact.read(out)
    assert (description.precision, description.license) == ("fp16", "Apache-2.0: trained on drawn scenes")
    figures = json.loads(json_file.read_text())
    parameters = sum(value.numel() for network in parts for value in network.parameters())
    assert 0.9 * parameters < figures["parameters"] < parameters  # a folded norm leaves one number of two
    assert figures["size"] == out.stat().st_size
    assert [row["frames"] for row in figures["parity"]] == 2 * [{"batch": 2, "height": 360, "width": 640}]
    told = capsys.readouterr().out
    assert "2 × 640x360" in told
    assert f"{out.stat().st_size / 1e6:.2f} MB in fp16, {figures['parameters'] / 1e6:.2f} M parameters, " in told
    assert "GMAC at 1920x1080, opset 18" in told
