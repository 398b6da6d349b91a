"""What networks in whole numbers of every target have in common: they say nearly the same."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from dfs_core.artifact import LOW_RESOLUTION
from dfs_core.errors import FrameError
from dfs_core.quantization import cpu, tensorrt
from dfs_core.quantization.network import OUTPUTS, take_out

SOURCE = Path("model.onnx")


def low_resolution_frames(count=6):
    random = np.random.default_rng(2)
    return [random.random((1, 3, 48, 96), np.float32) for _ in range(count)]


@pytest.fixture
def networks(model):
    return take_out(model, source=SOURCE)


@pytest.fixture(params=[cpu, tensorrt], ids=["cpu", "tensorrt"])
def quantize(request):
    """What makes the networks of a target."""
    return request.param.quantize


def test_normalisation_is_folded_though_the_shape_before_it_is_asked_for(networks, quantize):
    quantised = quantize(networks, low_resolution_frames(), source=SOURCE)
    assert "BatchNormalization" not in {node.op_type for node in quantised.graph.node}
    assert "BatchNormalization" in {node.op_type for node in networks.graph.node}


def test_outputs_stay_near(networks, quantize):
    quantised = quantize(networks, low_resolution_frames(), source=SOURCE)
    frame = {LOW_RESOLUTION: low_resolution_frames(1)[0]}
    expected, found = (
        onnxruntime.InferenceSession(model.SerializeToString()).run(list(OUTPUTS), frame)
        for model in (networks, quantised)
    )
    assert 0.0 < np.abs(found[0] - expected[0]).max() < 0.02
    assert (found[1] == expected[1]).mean() > 0.95
    np.testing.assert_allclose(found[2], expected[2], rtol=0.02)


@pytest.mark.parametrize(
    ("maker", "expected"), [(cpu, {"w_inner", "w_think"}), (tensorrt, {"w_inner"})], ids=["cpu", "tensorrt"]
)
def test_convolution_behind_the_bare_output_of_another_is_in_whole_numbers_for_processors_only(
    networks, maker, expected, held
):
    activation = next(node for node in networks.graph.node if node.output[0].endswith("looked"))
    taker = next(node for node in networks.graph.node if activation.output[0] in node.input)
    taker.input[0] = activation.input[0]
    networks.graph.node.remove(activation)
    assert set(held(maker.quantize(networks, low_resolution_frames(), source=SOURCE))) == expected


def test_every_frame_counts_for_the_ranges(networks, quantize):
    """One bright frame among dark ones must not be clipped, wherever it stands."""
    dark = [np.full((1, 3, 48, 96), 0.1, np.float32)] * 9
    bright = np.ones((1, 3, 48, 96), np.float32)
    scales = []
    for place in (0, 5, 9):
        frames = [*dark[:place], bright, *dark[place:]]
        quantised = quantize(networks, frames, source=SOURCE)
        values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in quantised.graph.initializer}
        scales.append(next(float(value) for name, value in values.items() if name.endswith("seen_scale")))
    assert scales[0] == scales[1] == scales[2]
    alone = quantize(networks, dark, source=SOURCE)
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in alone.graph.initializer}
    assert next(float(value) for name, value in values.items() if name.endswith("seen_scale")) < 0.5 * scales[0]


def test_frame_that_cannot_be_read_is_named(networks, quantize):
    def frames():
        yield from low_resolution_frames(2)
        raise FrameError("17.png: not an image that OpenCV can decode")

    with pytest.raises(FrameError, match=r"17.png"):
        quantize(networks, frames(), source=SOURCE)
