"""A small model that follows the contract of `dfs_core.artifact` exactly, built with `onnx.helper` alone."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from dfs_core.artifact import Artifact
from dfs_core.labels import CAMVID_11

NETWORK_WIDTH = 96
NETWORK_MULTIPLE = 16


class GraphBuilder:
    """Nodes and constants of a graph in the order in which they are written down."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Add a node with one output and return the output's name."""
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Add a constant and return its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def integers(self, name: str, *values: int) -> str:
        """Add a list of whole numbers and return its name."""
        return self.constant(name, np.array(values, np.int64))

    def bilinear(self, source: str, sizes: str, output: str) -> str:
        """Add the resampling that the contract asks for."""
        return self.add(
            "Resize",
            [source, "", "", sizes],
            output,
            mode="linear",
            coordinate_transformation_mode="half_pixel",
            antialias=0,
        )


def build_model(seed: int = 0, artifact: Artifact | None = None) -> onnx.ModelProto:
    """Return a DFS model with random weights: small, but with every named tensor where the contract wants it."""
    artifact = artifact or Artifact(
        "test_model", CAMVID_11, network_width=NETWORK_WIDTH, network_multiple=NETWORK_MULTIPLE, license="Apache-2.0"
    )
    graph = GraphBuilder()
    _shrink(graph, artifact)
    _network(graph, np.random.default_rng(seed), len(artifact.labels))
    _restore(graph)
    sides = ["N", "H", "W", 3]
    proto = helper.make_graph(
        graph.nodes,
        "dfs",
        [helper.make_tensor_value_info("frames", TensorProto.UINT8, sides)],
        [
            helper.make_tensor_value_info("dehazed", TensorProto.UINT8, sides),
            helper.make_tensor_value_info("mask", TensorProto.UINT8, ["N", "h", "w"]),
            helper.make_tensor_value_info("fog_density", TensorProto.FLOAT, ["N"]),
        ],
        graph.constants,
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, artifact.to_metadata())
    onnx.checker.check_model(model, full_check=True)
    return model


def _shrink(graph: GraphBuilder, artifact: Artifact) -> None:
    """Add frames -> low_resolution; the network's size is worked out in whole numbers as `network_size` does."""
    width, multiple = artifact.network_width, artifact.network_multiple
    graph.add("Cast", ["frames"], "frames_cast", to=TensorProto.FLOAT)  # first: TensorRT does no more with bytes
    graph.add("Transpose", ["frames_cast"], "frames_float", perm=[0, 3, 1, 2])
    graph.add("Shape", ["frames"], "shape")
    for axis, name in enumerate(("count", "height", "width")):
        graph.add("Gather", ["shape", graph.integers(f"axis_{name}", axis)], name)
    graph.add("Mul", ["height", graph.integers("twice_network_width", 2 * width)], "steps_above")
    graph.add("Mul", ["width", graph.integers("multiple", multiple)], "half_step")
    graph.add("Add", ["steps_above", "half_step"], "steps_dividend")
    graph.add("Mul", ["half_step", graph.integers("two", 2)], "steps_divisor")
    graph.add("Div", ["steps_dividend", "steps_divisor"], "steps_any")
    graph.add("Max", ["steps_any", "two"], "steps_enough")
    graph.add("Min", ["steps_enough", graph.integers("steps_most", width // multiple)], "steps")
    graph.add("Mul", ["steps", graph.integers("twice_multiple", 2 * multiple)], "doubled_height")
    graph.add(
        "Concat",
        ["count", graph.integers("three", 3), "doubled_height", graph.integers("doubled_width", 2 * width)],
        "doubled_sizes",
        axis=0,
    )
    graph.bilinear("frames_float", "doubled_sizes", "doubled")
    graph.add("AveragePool", ["doubled"], "averaged", kernel_shape=[2, 2], strides=[2, 2])
    graph.add("Div", ["averaged", graph.constant("white", np.float32(255.0))], "low_resolution")


def _network(graph: GraphBuilder, random: np.random.Generator, classes: int) -> None:
    """Add low_resolution -> restoration, mask, fog_density, by a few convolutions."""

    def convolve(source: str, output: str, channels: tuple[int, int], bias: float = 0.0) -> str:
        incoming, outgoing = channels
        weights = random.normal(0.0, 0.4, (outgoing, incoming, 3, 3)).astype(np.float32)
        return graph.add(
            "Conv",
            [
                source,
                graph.constant(f"{output}_weights", weights),
                graph.constant(f"{output}_bias", np.full(outgoing, bias, np.float32)),
            ],
            output,
            pads=[1, 1, 1, 1],
        )

    convolve("low_resolution", "features", (3, 8))
    graph.add("Relu", ["features"], "features_positive")
    convolve("features_positive", "gain_logits", (8, 1))
    graph.add("Sigmoid", ["gain_logits"], "gain_share")
    graph.add("Mul", ["gain_share", graph.constant("gain_range", np.float32(1.5))], "gain_above")
    graph.add("Add", ["gain_above", graph.constant("gain_least", np.float32(1.0))], "gain")
    convolve("features_positive", "offset_logits", (8, 3))
    graph.add("Tanh", ["offset_logits"], "offset_share")
    graph.add("Mul", ["offset_share", graph.constant("offset_range", np.float32(-0.3))], "offset")
    graph.add("Concat", ["gain", "offset"], "restoration", axis=1)

    graph.add("Mul", ["low_resolution", "gain"], "brighter")
    graph.add("Add", ["brighter", "offset"], "low_dehazed")
    convolve("low_dehazed", "segment_features", (3, 8))
    graph.add("Relu", ["segment_features"], "segment_positive")
    convolve("segment_positive", "logits", (8, classes))
    graph.add("ArgMax", ["logits"], "best", axis=1, keepdims=0)
    graph.add("Cast", ["best"], "mask", to=TensorProto.UINT8)

    graph.add("ReduceMean", ["gain", graph.integers("all_but_batch", 1, 2, 3)], "mean_gain", keepdims=0)
    graph.add("Mul", ["mean_gain", graph.constant("density_scale", np.float32(0.02))], "fog_density")


def _restore(graph: GraphBuilder) -> None:
    """Add frames, restoration -> dehazed."""
    graph.add("Concat", ["count", graph.integers("four", 4), "height", "width"], "full_sizes", axis=0)
    graph.bilinear("restoration", "full_sizes", "stretched")
    graph.add("Split", ["stretched", graph.integers("one_three", 1, 3)], "stretched_gain", axis=1)
    graph.nodes[-1].output.append("stretched_offset")
    graph.add("Mul", ["frames_float", "stretched_gain"], "scaled")
    graph.add("Mul", ["stretched_offset", "white"], "shift")
    graph.add("Add", ["scaled", "shift"], "value")
    graph.add(
        "Clip",
        ["value", graph.constant("black", np.float32(0.0)), "white"],
        "clipped",
    )
    graph.add("Round", ["clipped"], "rounded")
    graph.add("Transpose", ["rounded"], "rounded_nhwc", perm=[0, 2, 3, 1])
    graph.add("Cast", ["rounded_nhwc"], "dehazed", to=TensorProto.UINT8)
