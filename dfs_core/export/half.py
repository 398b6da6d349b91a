"""The networks of a model in 16 bits, where nothing is lost by it: between their first and their last convolution.

Light and colour keep 32 bits: what the generator says is turned into gain and offset as before, and the segmenter is
given a frame as exact as before. A camera's bytes would not survive gains of 5 in half precision. So does what
looks only at a frame that was shrunk further: it costs little, and counts for the whole frame, such as its fog density.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dfs_core.artifact import FOG_DENSITY, RESTORATION
from dfs_core.errors import ArtifactError
from dfs_core.onnx_reach import above, below, seen_unshrunk

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

_HEAVY = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_LARGEST = float(np.finfo(np.float16).max)
_ALWAYS_FLOAT = {"Resize": 1}
"""From this input on, an operator takes float32 whatever the type of its first."""


def to_half(model: "ModelProto") -> None:
    """Lower, in place, a graph from `low_resolution` to `restoration`, `mask` and `fog_density`.

    Raises:
        ArtifactError: a weight is too large for 16 bits.
    """
    import onnx

    del model.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    floats = {
        value.name
        for value in (*inferred.value_info, *inferred.input, *inferred.output)
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    floats |= {tensor.name for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}
    _Lowering(model.graph, floats).run()


def _between_heavy(graph: "GraphProto") -> set[str]:
    """Return the first outputs of the nodes that lie between two convolutions or matrix products of one network."""
    generator = above(graph.node, {RESTORATION, FOG_DENSITY})
    inner: set[str] = set()
    for nodes in (
        [node for node in graph.node if node.output[0] in generator],
        [node for node in graph.node if node.output[0] not in generator],
    ):
        heavy = {node.output[0] for node in nodes if node.op_type in _HEAVY}
        inner |= above(nodes, heavy) & below(nodes, heavy)
    return inner & seen_unshrunk(graph.node, {each.name for each in graph.input}) - {
        output.name for output in graph.output
    }


class _Lowering:
    """Rewrites a graph node by node; a cast stands wherever the two number formats meet."""

    def __init__(self, graph: "GraphProto", floats: set[str]) -> None:
        self._graph = graph
        self._floats = floats
        self._inner = _between_heavy(graph)
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._lowered: set[str] = set()
        self._casts: dict[str, str] = {}
        self._nodes: list[NodeProto] = []

    def run(self) -> None:
        for node in list(self._graph.node):
            if node.output[0] in self._inner:
                self._lower(node)
            else:
                self._replace(node, lambda name: self._cast(name, half=False) if name in self._lowered else name)
            self._nodes.append(node)
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        used = {name for node in self._graph.node for name in node.input}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _lower(self, node: "NodeProto") -> None:
        from onnx import TensorProto

        self._replace(node, self._half, stop=_ALWAYS_FLOAT.get(node.op_type))
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
        self._lowered.update(name for name in node.output if name in self._floats)

    @staticmethod
    def _replace(node: "NodeProto", rename: Callable[[str], str], *, stop: int | None = None) -> None:
        for index, name in list(enumerate(node.input))[:stop]:
            node.input[index] = rename(name)

    def _half(self, name: str) -> str:
        """Return the name of a value in 16 bits; what is no float stays as it is."""
        if name not in self._floats or name in self._lowered:
            return name
        return self._constant(name) if name in self._constants else self._cast(name, half=True)

    def _constant(self, name: str) -> str:
        from onnx import numpy_helper

        lowered = f"{name}.half"
        if lowered not in self._constants:
            values = numpy_helper.to_array(self._constants[name])
            if values.size and (largest := float(np.abs(values).max())) > _LARGEST:
                raise ArtifactError(
                    f"{name}: holds {largest:g}, which 16 bits cannot ({_LARGEST:g} at most); "
                    "export with --precision fp32"
                )
            self._constants[lowered] = numpy_helper.from_array(values.astype(np.float16), lowered)
            self._graph.initializer.append(self._constants[lowered])
        return lowered

    def _cast(self, name: str, *, half: bool) -> str:
        from onnx import TensorProto, helper

        made = f"{name}.{'half' if half else 'float'}"
        if self._casts.get(made) is None:
            kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
            self._nodes.append(helper.make_node("Cast", [name], [made], name=f"cast {made}", to=kind))
            self._casts[made] = name
        return made
