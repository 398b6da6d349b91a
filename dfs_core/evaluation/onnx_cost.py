"""What an ONNX file costs: the numbers that it learned, and the multiplications of one frame.

The frame is run once, because sides that a file leaves free are known only then. As everywhere else, convolutions and
matrix products count, and nothing else does.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfs_core.evaluation import onnx_file
from dfs_core.evaluation.methods.method import Expense

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

Shape = tuple[int, ...]

_UNCOUNTED = frozenset({
    "Attention", "ConvInteger", "DeformConv", "Einsum", "GRU", "If", "LSTM", "Loop", "MatMulInteger", "QLinearConv",
    "QLinearMatMul", "RNN", "Scan",
})  # fmt: skip
"""Operators that multiply without being counted here; of a graph with one of them no MACs are told."""


class _Shapes(NamedTuple):
    """Shapes of a node's first two inputs and of its output."""

    given: Shape
    weight: Shape
    made: Shape


def expense(path: Path, inputs: Mapping[str, NDArray[Any]]) -> Expense:
    """Return what a file costs.

    Args:
        path: the ONNX file.
        inputs: what it is given for one frame, by name; only the shapes matter.

    Returns:
        Parameters: see `parameters`. MACs: None where the graph has operators that are not counted, such as quantised
        convolutions, branches, or those of other projects' own.

    Raises:
        ArtifactError: it cannot be read.
        BackendError: ONNX Runtime cannot run it.
    """
    import onnx.inliner

    onnx_file.read(path)
    model = onnx.inliner.inline_local_functions(onnx.load(path))
    return Expense(parameters(model), macs(model, inputs, source=path))


def parameters(model: "ModelProto") -> int:
    """Return how many learned numbers a graph holds.

    Those are its floating-point constants, wherever they stand, but for single numbers without an axis, the averages of
    BatchNormalization, and the scales of resizing and of quantisation. Whole numbers count where they stand for others,
    in quantised weights. A BatchNormalization that was folded into a convolution is its bias.
    """
    from onnx import TensorProto

    kinds = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
    nodes = list(onnx_file.nodes(model.graph))
    quantisers = {"QuantizeLinear": 1, "DequantizeLinear": 1}
    first = {"BatchNormalization": 3, "Resize": 1, "Upsample": 1, **quantisers}  # behind that input nothing is learned
    quantised = {node.input[0] for node in nodes if node.op_type == "DequantizeLinear"}
    excluded = {name for node in nodes if node.op_type in first for name in node.input[first[node.op_type] :]}
    return sum(
        math.prod(tensor.dims)
        for name, tensor in onnx_file.constants(model.graph)
        if (tensor.data_type in kinds or name in quantised) and tensor.dims and name not in excluded
    )


def macs(model: "ModelProto", inputs: Mapping[str, NDArray[Any]], *, source: Path) -> int | None:
    """Return the multiply-accumulates of convolutions and matrix products; None where some cannot be counted.

    Args:
        model: the graph with its weights.
        inputs: what it is given.
        source: name of its file, for messages.

    Raises:
        BackendError: ONNX Runtime cannot run it.
    """
    if any(node.op_type in _UNCOUNTED or node.domain not in {"", "ai.onnx"} for node in onnx_file.nodes(model.graph)):
        return None
    counted = [node for node in model.graph.node if node.op_type in _COUNTS]
    names = dict.fromkeys(name for node in counted for name in (*node.input[:2], node.output[0]))
    shapes = _shapes(model, list(names), inputs, source=source)
    return sum(
        _COUNTS[node.op_type](node, _Shapes(*(shapes[name] for name in (*node.input[:2], node.output[0]))))
        for node in counted
    )


def _shapes(
    model: "ModelProto", names: list[str], inputs: Mapping[str, NDArray[Any]], *, source: Path
) -> dict[str, Shape]:
    """Return the shapes that tensors have in one run. Only shapes leave the graph, so that maps are freed as ever."""
    from onnx import TensorProto, helper

    model = _copy(model)
    wanted = {name: f"shape of {name}" for name in names}
    model.graph.node.extend(helper.make_node("Shape", [name], [output]) for name, output in wanted.items())
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(output, TensorProto.INT64, None) for output in wanted.values()
    )
    if not wanted:
        return {}
    session = onnx_file.Session(model.SerializeToString(), source=source)
    values = session(list(wanted.values()), dict(inputs))
    return {name: tuple(map(int, np.asarray(value))) for name, value in zip(wanted, values, strict=True)}


def _copy(model: "ModelProto") -> "ModelProto":
    copied = type(model)()
    copied.CopyFrom(model)
    return copied


def _convolution(_: "NodeProto", shapes: _Shapes) -> int:
    return math.prod(shapes.made) * math.prod(shapes.weight[1:])


def _transposed_convolution(_: "NodeProto", shapes: _Shapes) -> int:
    return math.prod(shapes.given) * math.prod(shapes.weight[1:])


def _matrix_product(_: "NodeProto", shapes: _Shapes) -> int:
    return math.prod(shapes.made) * shapes.given[-1]


def _general_matrix_product(node: "NodeProto", shapes: _Shapes) -> int:
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return math.prod(shapes.made) * shapes.given[0 if transposed else 1]


_COUNTS: Mapping[str, Callable[["NodeProto", _Shapes], int]] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "Gemm": _general_matrix_product,
    "MatMul": _matrix_product,
}
