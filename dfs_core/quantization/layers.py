"""Which layers compute in 8 bits, whatever a file is made for: convolutions inside the networks.

These stay in floating point, because little is gained there and much is lost:

- those that look at a picture's colours (three channels in): the first layers;
- those that the outputs are made of: transmission, airlight and class scores. Transmission is divided by, so its errors
  are amplified up to five times;
- those of one pixel, which `dfs export` makes of matrix products: global fog (airlight and attenuation) is made of
  them. Fog density would change by 1.0 % instead of 0.3 % in the shipped model, and nothing would be gained;
- those that look only at a frame that was shrunk further: they cost little, and fog density would change by 6 %;
- everything that is no convolution, so the restoration and the argmax.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from dfs_core.artifact import LOW_RESOLUTION
from dfs_core.errors import ArtifactError
from dfs_core.onnx_reach import seen_unshrunk
from dfs_core.quantization.network import OUTPUTS

if TYPE_CHECKING:
    from onnx import GraphProto

_COLORS = 3
_ENDS = frozenset({"GlobalAveragePool", "GlobalMaxPool", "ReduceMax", "ReduceMean", "Shape"})
"""Behind these lie features of the whole frame, or only sizes, and no longer the layers that an output is made of."""


def quantisable(graph: "GraphProto", *, source: Path) -> list[str]:
    """Return the names of the convolutions that need not stay in floating point.

    Args:
        graph: networks whose nodes have names, each its own.
        source: name of their file, for messages.

    Raises:
        ArtifactError: there is no such convolution.
    """
    channels = {tensor.name: tensor.dims[1] for tensor in graph.initializer if len(tensor.dims) == 4}
    kept = _last_layers(graph) | _products(graph) | _shrunk(graph)
    names = [
        node.name
        for node in graph.node
        if node.op_type == "Conv" and channels.get(node.input[1]) != _COLORS and node.output[0] not in kept
    ]
    if not names:
        raise ArtifactError(
            f"{source}: none of its convolutions can be quantised, because all of them look at colours or make an "
            "output; run the file as it is"
        )
    return names


def _products(graph: "GraphProto") -> set[str]:
    """Return what convolutions of one pixel give, by tensor names."""
    pixels = {node.output[0] for node in graph.node if node.op_type == "Unsqueeze"}
    return {node.output[0] for node in graph.node if node.op_type == "Conv" and node.input[0] in pixels}


def _shrunk(graph: "GraphProto") -> set[str]:
    """Return what convolutions give that see the frame only through a mean over its pixels, by tensor names."""
    return {node.output[0] for node in graph.node if node.op_type == "Conv"} - seen_unshrunk(
        graph.node, {LOW_RESOLUTION}
    )


def _last_layers(graph: "GraphProto") -> set[str]:
    """Return what the last convolutions before each output give, by tensor names."""
    producers = {name: node for node in graph.node for name in node.output}
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [*OUTPUTS]
    while waiting:
        name = waiting.pop()
        node = producers.get(name)
        if name in seen or node is None:
            continue
        seen.add(name)
        if node.op_type == "Conv":
            found.add(name)
        elif node.op_type not in _ENDS:
            waiting.extend(node.input)
    return found
