"""Every generator and segmenter of the registry becomes a model file that says what torch says."""

import importlib.util
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from dfs_core import artifact
from dfs_core.artifact import Artifact
from dfs_core.evaluation.segmentation import dehaze, predict_mask
from dfs_core.export import parity
from dfs_core.export.drawn import DrawnPipeline
from dfs_core.export.parity import Frames
from dfs_core.export.writing import write
from dfs_core.labels import CAMVID_11
from dfs_core.models import GENERATORS, SEGMENTERS, create_generator, create_segmenter
from dfs_core.models.pipeline import Network, network_size, shrink
from dfs_core.runtime import load

SMALL_GENERATORS = {
    "fast": {"width": 4},
    "resnet_9blocks": {"filters": 4, "blocks": 1},
    "unet_256": {"filters": 2},
}
DRAWING = ["resnet_9blocks", "unet_256"]
SMALL_SEGMENTERS = {
    "deeplabv3": {"backbone": "mobilenet_v3_large"},
    "lite": {},  # test_export.py
    "pix2pix_rgb": {"filters": 4, "blocks": 1},
    "unet": {"width": 4},
}


NEEDS_TORCHVISION = pytest.mark.skipif(
    importlib.util.find_spec("torchvision") is None, reason="torchvision, which has it, is missing"
)


def segmenter(name):
    torch.manual_seed(0)
    network = create_segmenter(name, CAMVID_11, SMALL_SEGMENTERS[name])
    with torch.no_grad():  # logits far apart, as those of a trained network are
        for parameter in getattr(network, "logits", torch.nn.Identity()).parameters():
            parameter.mul_(50.0)
    return network


def generator(name):
    torch.manual_seed(0)
    return create_generator(name, SMALL_GENERATORS[name])


def pictures(height, width):
    """Return one picture of soft colours and some grain, uint8 [1, H, W, 3]."""
    rng = np.random.default_rng(1)
    soft = np.linspace(60, 220, width)[:, None] + np.linspace(-30, 30, height)[:, None, None]
    return np.clip(soft + rng.normal(0, 5, (1, height, width, 3)), 0, 255).astype(np.uint8)


def test_the_registry_is_covered():
    assert set(SMALL_GENERATORS) == set(GENERATORS)
    assert set(SMALL_SEGMENTERS) == set(SEGMENTERS)


@pytest.fixture(scope="module", params=DRAWING)
def drawn(request, tmp_path_factory):
    """Networks that draw the dehazed image, and the file made of them."""
    networks = generator(request.param).eval(), segmenter("unet").eval()
    path = tmp_path_factory.mktemp("drawn") / f"{request.param}.onnx"
    model = DrawnPipeline(*networks).eval().requires_grad_(False)
    written = write(model, Artifact("drawn", CAMVID_11, draws=True), path)
    return networks, path, written


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("size", [(256, 512), (270, 480), (97, 331), (33, 40)], ids=str)
def test_a_drawn_image_is_that_of_evaluation_at_sizes_of_no_stride_and_below_one(drawn, size, backend):
    (painter, labeller), path, _ = drawn
    frames = pictures(*size)
    with load(path, backend) as dehazer, torch.inference_mode():
        result = dehazer(frames)
        expected = dehaze(painter, frames[0])
        assert np.abs(result.dehazed[0].astype(int) - expected).max() <= 1
        seen = predict_mask(labeller, expected)
    assert result.mask.shape == (1, *Artifact("", CAMVID_11).network_size(*size))
    assert np.bincount(result.mask.ravel()).argmax() == np.bincount(seen.ravel()).argmax()
    assert np.isnan(result.fog_density).all()


def test_a_drawn_file_says_so_and_has_no_cut_points(drawn, caplog):
    _, path, written = drawn
    assert artifact.read(path).draws
    made = {name for node in onnx.load(path).graph.node for name in node.output}
    assert {"low_resolution", "restoration"}.isdisjoint(made)
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(path).graph.node}
    assert {row.backend for row in written.parity} == {"onnxruntime", "openvino"}
    load(path, "openvino").close()
    assert caplog.records == []  # that it cannot be cut is no fault of the file


def test_a_drawn_file_in_half_precision_is_half_as_large(drawn, tmp_path, monkeypatch):
    networks, path, _ = drawn
    monkeypatch.setattr(parity, "DRAWN_FRAMES", (Frames(1, 96, 160),))
    half = tmp_path / "half.onnx"
    model = DrawnPipeline(*networks).eval().requires_grad_(False)
    write(model, Artifact("half", CAMVID_11, precision="fp16", draws=True), half)
    weights = [sum(len(tensor.raw_data) for tensor in onnx.load(file).graph.initializer) for file in (path, half)]
    assert weights[1] < 0.6 * weights[0]


def test_an_engine_is_built_of_a_drawn_file(drawn, tmp_path):
    build = pytest.importorskip("dfs_core.engines.build").build
    pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx, which builds engines without a GPU, is not installed")
    from dfs_core.engines.flavour import import_tensorrt
    from dfs_core.engines.model_file import read_model
    from dfs_core.engines.profile import Profile
    from dfs_core.engines.target import Target

    profile = Profile((1, 64, 64), (1, 270, 480), (2, 540, 960))
    target = Target("", ((8, 6),))
    assert build(read_model(drawn[1]), profile, target, tensorrt=import_tensorrt("tensorrt_rtx"))


@NEEDS_TORCHVISION
def test_deeplabv3_is_exported(tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "DRAWN_FRAMES", (Frames(2, 96, 160),))
    model = DrawnPipeline(generator("resnet_9blocks"), segmenter("deeplabv3")).eval().requires_grad_(False)
    written = write(model, Artifact("deeplabv3", CAMVID_11, draws=True), tmp_path / "model.onnx")
    assert [row.backend for row in written.parity] == ["onnxruntime", "openvino"]


@pytest.mark.parametrize("name", ["unet", "pix2pix_rgb", pytest.param("deeplabv3", marks=NEEDS_TORCHVISION)])
def test_fast_is_exported_with_every_segmenter(tmp_path, monkeypatch, name):
    monkeypatch.setattr(parity, "FRAMES", (Frames(1, 96, 160), Frames(2, 97, 131)))
    network = Network(generator("fast"), segmenter(name)).eval().requires_grad_(False)
    path = tmp_path / f"{name}.onnx"
    written = write(network, Artifact(name, CAMVID_11, network_width=96), path)
    assert [row.backend for row in written.parity] == ["onnxruntime", "onnxruntime", "openvino", "openvino"]
    made = {output for node in onnx.load(path).graph.node for output in node.output}
    assert {"low_resolution", "restoration", "scores"} <= made
    frames = pictures(97, 163)  # neither of the sizes that the file was compared on
    with torch.inference_mode():
        planes = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
        expected = network(shrink(planes, *network_size(97, 163, network_width=96)))
    assert expected.scores.std() > 0.01
    graph = onnx.load(path)
    graph.graph.output.append(onnx.helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, None))
    (scores,) = onnxruntime.InferenceSession(graph.SerializeToString()).run(["scores"], {"frames": frames})
    np.testing.assert_allclose(scores, expected.scores.numpy(), rtol=1e-3, atol=1e-3 * expected.scores.std().item())


def test_map_of_colours_is_read_back_as_classes_in_the_graph(tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "DRAWN_FRAMES", (Frames(1, 96, 160),))
    drawer, painter = generator("resnet_9blocks").eval(), segmenter("pix2pix_rgb").eval()
    model = DrawnPipeline(drawer, painter).eval().requires_grad_(False)
    write(model, Artifact("painted", CAMVID_11, draws=True), tmp_path / "painted.onnx")
    frames = pictures(96, 160)
    with load(tmp_path / "painted.onnx", "onnxruntime") as dehazer, torch.inference_mode():
        mask = dehazer(frames).mask
        dehazed = drawer.whole(torch.from_numpy(frames).permute(0, 3, 1, 2) / 255.0).image
        seen = shrink(255.0 * dehazed.clamp(0.0, 1.0), *mask.shape[1:])
        painted = painter(seen)[0].permute(1, 2, 0).numpy()
    palette = CAMVID_11.palette[: len(CAMVID_11)] / 127.5 - 1.0
    nearest = np.square(painted[:, :, None] - palette).sum(axis=3).argmin(axis=2)
    assert np.mean(mask[0] == nearest) > 0.999


def test_unknown_fog_is_equal_to_unknown_fog_and_to_nothing_else():
    row = parity.Row("openvino", Frames(1, 1, 1), 0, 0.0, 1.0, 0.0)
    unknown, known = np.array([np.nan], np.float32), np.array([0.1], np.float32)
    for found, expected, passes in ((unknown, unknown, True), (known, unknown, False), (unknown, known, False)):
        difference = parity.relative_difference(found, expected)
        assert replace(row, density=difference).passes(parity.BOUNDS["fp32"]) is passes
