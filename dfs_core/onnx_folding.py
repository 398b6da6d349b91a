"""Norms made part of the convolutions before them, in a graph that torch exported.

The exporter folds most of them itself, but none after a convolution whose output is also asked for its shape. A norm
changes no shape, so the question is put to the norm's output, and the norm folds too.
"""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

_OUTPUT_AXES = {"Conv": 0, "ConvTranspose": 1}
"""Which axis of a convolution's weights counts its outputs."""

_DEFAULT_EPSILON = 1e-5


class _Pair(NamedTuple):
    """A norm, the convolution before it, and what else looks at the latter's output."""

    convolution: "NodeProto"
    norm: "NodeProto"
    shapes: "list[NodeProto]"


def fold_norms(graph: "GraphProto") -> None:
    """Fold, in place, every BatchNormalization behind a convolution whose output nothing else computes with."""
    pairs = _pairs(graph)
    for pair in pairs:
        _fold(graph, pair)
    for pair in pairs:
        graph.node.remove(pair.norm)
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _pairs(graph: "GraphProto") -> list[_Pair]:
    producers = {name: node for node in graph.node for name in node.output}
    consumers: dict[str, list[NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            consumers[name].append(node)
    constants = {tensor.name for tensor in graph.initializer}
    given = {output.name for output in graph.output}
    pairs = []
    for norm in (node for node in graph.node if node.op_type == "BatchNormalization"):
        convolution = producers.get(norm.input[0])
        if convolution is None or convolution.op_type not in _OUTPUT_AXES or convolution.output[0] in given:
            continue
        weights = [*convolution.input[1:], *norm.input[1:]]
        others = [node for node in consumers[norm.input[0]] if node is not norm]
        alone = all(len(consumers[name]) == 1 for name in convolution.input[1:])
        grouped = convolution.op_type == "ConvTranspose" and _attribute(convolution, "group", 1) != 1
        if constants.issuperset(weights) and alone and not grouped and all(node.op_type == "Shape" for node in others):
            pairs.append(_Pair(convolution, norm, others))
    return pairs


def _fold(graph: "GraphProto", pair: _Pair) -> None:
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in graph.initializer}
    convolution, norm, shapes = pair
    gain, shift, mean, variance = (numpy_helper.to_array(constants[name]).astype(np.float64) for name in norm.input[1:])
    gain = gain / np.sqrt(variance + _attribute(norm, "epsilon", _DEFAULT_EPSILON))
    weight = constants[convolution.input[1]]
    values = numpy_helper.to_array(weight)
    along = [1] * values.ndim
    along[_OUTPUT_AXES[convolution.op_type]] = -1
    bias = numpy_helper.to_array(constants[convolution.input[2]]) if len(convolution.input) > 2 else 0.0
    weight.CopyFrom(numpy_helper.from_array((values * gain.reshape(along)).astype(values.dtype), weight.name))
    name = norm.input[2] if _uses(graph, norm.input[2]) == 1 else f"{norm.output[0]}.bias"
    folded = numpy_helper.from_array(((bias - mean) * gain + shift).astype(values.dtype), name)
    if name in constants:
        constants[name].CopyFrom(folded)
    else:
        graph.initializer.append(folded)
    inputs = [*convolution.input[:2], name]
    del convolution.input[:]
    convolution.input.extend(inputs)
    convolution.output[0] = norm.output[0]
    for node in shapes:
        node.input[0] = norm.output[0]


def _uses(graph: "GraphProto", name: str) -> int:
    return Counter(given for node in graph.node for given in node.input)[name]


def _attribute(node: "NodeProto", name: str, default: float) -> float:
    from onnx import helper

    return next((float(helper.get_attribute_value(entry)) for entry in node.attribute if entry.name == name), default)
