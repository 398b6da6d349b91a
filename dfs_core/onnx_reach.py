"""What in an ONNX graph leads to a value, and what depends on it. Nodes come in the order of their computation."""

from collections.abc import Iterable, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import NodeProto


def above(nodes: "Iterable[NodeProto]", wanted: Set[str]) -> set[str]:
    """Return the first outputs of nodes that lead to what is wanted, itself included."""
    needed, found = set(wanted), set()
    for node in reversed(list(nodes)):
        if not needed.isdisjoint(node.output):
            needed.update(node.input)
            found.add(node.output[0])
    return found


def below(nodes: "Iterable[NodeProto]", sources: Set[str]) -> set[str]:
    """Return the outputs of nodes that depend on the sources, these included."""
    found = set(sources)
    for node in nodes:
        if not found.isdisjoint(node.input):
            found.update(node.output)
    return found


def seen_unshrunk(nodes: "Iterable[NodeProto]", frames: Set[str]) -> set[str]:
    """Return what depends on frames not only through means over neighbouring pixels (AveragePool), these included."""
    return below((node for node in nodes if node.op_type != "AveragePool"), frames)
