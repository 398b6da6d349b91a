"""A small DFS model whose networks are written down in ONNX's text syntax, and pictures to show it."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from dfs_core.artifact import Artifact
from dfs_core.labels import CAMVID_11
from dfs_core.onnx_frame import enclose

CORE = """
<ir_version: 10, opset_import: ["" : 18]>
core (float[N, 3, h, w] low_resolution)
  => (float[N, 4, h, w] restoration, uint8[N, h, w] mask, float[N] fog_density) {
  first = Conv <pads = [1, 1, 1, 1]> (low_resolution, w_first, b_first)
  seen = Relu (first)
  linear = Conv <pads = [1, 1, 1, 1]> (seen, w_inner)
  between = BatchNormalization (linear, bn_scale, bn_bias, bn_mean, bn_var)
  size = Shape <start = 2, end = 4> (linear)
  inner = Relu (between)
  pooled = GlobalAveragePool (inner)
  density_plane = Conv (pooled, w_density)
  density_bounded = Sigmoid (density_plane)
  every = Constant <value = int64[1] {-1}> ()
  density = Reshape (density_bounded, every)
  scale = Constant <value = float {0.05}> ()
  fog_density = Mul (density, scale)
  coefficients = Conv (inner, w_last)
  parts = Constant <value = int64[2] {1, 3}> ()
  gain_logits, offset_logits = Split <axis = 1> (coefficients, parts)
  gain_share = Sigmoid (gain_logits)
  one = Constant <value = float {1.0}> ()
  gain = Add (gain_share, one)
  offset_share = Tanh (offset_logits)
  less = Constant <value = float {-0.3}> ()
  offset = Mul (offset_share, less)
  restoration = Concat <axis = 1> (gain, offset)
  brighter = Mul (low_resolution, gain)
  dehazed_small = Add (brighter, offset)
  look = Conv <pads = [1, 1, 1, 1]> (dehazed_small, w_look)
  looked = Relu (look)
  think = Conv <pads = [1, 1, 1, 1]> (looked, w_think)
  thought = Relu (think)
  logits = Conv (thought, w_logits)
  counts = Shape <start = 0, end = 2> (logits)
  sizes = Concat <axis = 0> (counts, size)
  scores = Resize <mode = "linear"> (logits, , , sizes)
  best = ArgMax <axis = 1, keepdims = 0> (scores)
  mask = Cast <to = 2> (best)
}
"""
SHAPES = {
    "w_first": (8, 3, 3, 3), "b_first": (8,), "w_inner": (8, 8, 3, 3), "bn_scale": (8,), "bn_bias": (8,),
    "bn_mean": (8,), "bn_var": (8,), "w_density": (1, 8, 1, 1), "w_last": (4, 8, 1, 1), "w_look": (8, 3, 3, 3),
    "w_think": (8, 8, 3, 3), "w_logits": (11, 8, 1, 1),
}  # fmt: skip
DESCRIPTION = Artifact(
    "small", CAMVID_11, network_width=96, training_data="nothing", license="Apache-2.0", metrics={"psnr": 20.0}
)


def build_model() -> onnx.ModelProto:
    """Return a whole model with random weights."""
    random = np.random.default_rng(0)
    core = onnx.parser.parse_model(CORE)
    for name, shape in SHAPES.items():
        values = random.normal(0.0, 0.35, shape)
        values = np.abs(values) + 0.5 if name in {"bn_scale", "bn_var"} else values
        core.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    return enclose(core, DESCRIPTION)


class Held(NamedTuple):
    """What a convolution is given: the number formats of its activations, weights and bias, and what scales them."""

    activations: str
    weights: str
    bias: str
    scales: int
    zero_points: set[int]


def held_in(model: onnx.ModelProto) -> dict[str, Held]:
    """Return what the convolutions with 8-bit weights are given, by the names of these in the text above."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    restored = {node.output[0]: node.input for node in model.graph.node if node.op_type == "DequantizeLinear"}
    found = {}
    for node in model.graph.node:
        if node.op_type != "Conv" or node.input[1] not in restored:
            continue
        image, weights = restored[node.input[0]], restored[node.input[1]]
        biases = [restored.get(name, [name])[0] for name in node.input[2:]]
        found[weights[0].rpartition(".")[2].removesuffix("_quantized")] = Held(
            values[image[2]].dtype.name,
            values[weights[0]].dtype.name,
            values[biases[0]].dtype.name if biases else "none",
            values[weights[1]].size,
            {int(number) for name in (image[2], weights[2]) for number in values[name].flat},
        )
    return found


def draw_picture(seed: int, height: int = 60, width: int = 96) -> np.ndarray:
    """Return soft shapes and grain, uint8 RGB [H, W, 3]."""
    random = np.random.default_rng(seed)
    soft = cv2.resize(random.uniform(20, 240, (5, 8, 3)).astype(np.float32), (width, height))
    return np.clip(soft + random.normal(0, 5, soft.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def model():
    """The small model, for a test to change."""
    return build_model()


@pytest.fixture(scope="session")
def held() -> Callable[[onnx.ModelProto], dict[str, Held]]:
    """Ask what the convolutions of a quantised model are given."""
    return held_in


@pytest.fixture(scope="session")
def model_path(tmp_path_factory):
    """A file that holds the small model."""
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    onnx.save(build_model(), path)
    return path


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of twelve pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(12):
        cv2.imwrite(str(folder / f"{number:02d}.png"), draw_picture(number)[..., ::-1])
    return folder
