"""Products of vectors with learned matrices made convolutions of one pixel, which every TensorRT builds.

TensorRT for RTX has no matrix product in float32 for Turing (SM75), but convolutions it has. Numbers and cost are the
same; other backends lose nothing by it.
"""

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

_PLAIN = {"alpha": 1.0, "beta": 1.0, "transA": 0}
"""Attributes that a Gemm must have to be x W + b, and the values that ONNX gives them where none is written."""


def products_to_convolutions(graph: "GraphProto") -> None:
    """Replace, in place, every Gemm whose weights are constants by Unsqueeze, a 1x1 Conv and Squeeze.

    Those whose weights or biases something else uses, too, stay as they are.
    """
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in graph.initializer}
    uses: dict[str, int] = defaultdict(int)
    for name in (name for node in graph.node for name in node.input):
        uses[name] += 1
    nodes: list[NodeProto] = []
    changed: set[str] = set()
    for node in graph.node:
        if not _is_linear(node, constants) or any(uses[name] > 1 for name in node.input[1:]):
            nodes.append(node)
            continue
        weight = constants[node.input[1]]
        matrix = numpy_helper.to_array(weight)
        matrix = matrix if _attributes(node).get("transB", 0) else matrix.T
        weight.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(matrix)[:, :, None, None], weight.name))
        nodes.extend(_convolution(node))
        changed.add(weight.name)
    if not changed:
        return
    graph.initializer.append(numpy_helper.from_array(np.array([2, 3], np.int64), _AXES))
    del graph.node[:]
    graph.node.extend(nodes)
    known = [value for value in graph.value_info if value.name not in changed]  # the exporter tells weights' shapes
    del graph.value_info[:]
    graph.value_info.extend(known)


_AXES = "products.axes"


def _is_linear(node: "NodeProto", constants: "dict[str, TensorProto]") -> bool:
    """Say whether a node is x W + b with constant W, and b a constant of one number for each output, if any."""
    if node.op_type != "Gemm" or not set(node.input[1:]) <= constants.keys():
        return False
    found = _attributes(node)
    if any(found.get(name, value) != value for name, value in _PLAIN.items()):
        return False
    outputs = constants[node.input[1]].dims[0 if found.get("transB", 0) else 1]
    return all(list(constants[name].dims) == [outputs] for name in node.input[2:])


def _convolution(product: "NodeProto") -> "list[NodeProto]":
    from onnx import helper

    source, output = product.input[0], product.output[0]
    pixel, made = f"{output}.pixel", f"{output}.made"
    return [
        helper.make_node("Unsqueeze", [source, _AXES], [pixel], name=pixel),
        helper.make_node("Conv", [pixel, *product.input[1:]], [made], name=made, kernel_shape=[1, 1]),
        helper.make_node("Squeeze", [made, _AXES], [output], name=f"{output}.squeeze"),
    ]


def _attributes(node: "NodeProto") -> dict[str, float]:
    from onnx import helper

    return {entry.name: float(helper.get_attribute_value(entry)) for entry in node.attribute}
