"""A network in torch to a model file that is checked, compared, and only then put in its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dfs_core.artifact import FOG_DENSITY, MASK, RESTORATION, SCORES, Artifact
from dfs_core.artifact import FRAMES as FRAMES_INPUT
from dfs_core.export import parity
from dfs_core.export.parity import BOUNDS, Frames, Row, compare, refuse_difference
from dfs_core.onnx_sides import Sides, fix_sides
from dfs_core.whole_output import whole_output

if TYPE_CHECKING:
    from onnx import ModelProto

    from dfs_core.export.drawn import DrawnPipeline
    from dfs_core.models.pipeline import Network

OPEN: Sides = (None, None, None)

COST_SIZE, DRAWN_COST_SIZE = (1080, 1920), (270, 480)
"""Height and width of the frame whose cost is told, where the file takes any; smaller for networks at full size."""


@dataclass(frozen=True)
class Written:
    """What is known of a file that was written.

    Attributes:
        size: bytes.
        parameters: learned numbers.
        macs: multiply-accumulates of one frame; None where they cannot be counted.
        macs_size: height and width of that frame.
        opset: version of ONNX's operators.
        parity: the comparison with torch.
    """

    size: int
    parameters: int
    macs: int | None
    macs_size: tuple[int, int]
    opset: int
    parity: list[Row]


def write(network: "Network | DrawnPipeline", description: Artifact, path: Path, *, sides: Sides = OPEN) -> Written:
    """Write a network as a whole model file, if every backend that is here gets the same from it as torch.

    Args:
        network: generator and segmenter, in evaluation mode and in float32.
        description: the metadata that goes into the file; its precision is that of the file, "fp32" or "fp16".
        path: where; a file of that name is replaced only when the new one has passed.
        sides: batch, height and width of the only frames that the file shall take, None for each that stays open.

    Raises:
        ArtifactError: the file says something else than torch, or the network does not fit its number format.
        OutputError: it cannot be written there.
    """
    import numpy as np
    import onnx

    from dfs_core.evaluation import onnx_cost
    from dfs_core.onnx_trace import OPSET

    model = _graph(network, description)
    fix_sides(model, sides, description)
    onnx.checker.check_model(model, full_check=True)
    with whole_output(path, overwrite=True) as partial:
        onnx.save(model, partial)
        rows = compare(network, partial, _compared(description, sides))
        refuse_difference(rows, BOUNDS[description.precision], path)
    batch, height, width = sides
    usual = DRAWN_COST_SIZE if description.draws else COST_SIZE
    size = height or usual[0], width or usual[1]
    macs = onnx_cost.macs(model, {FRAMES_INPUT: np.zeros((batch or 1, *size, 3), np.uint8)}, source=path)
    macs = None if macs is None else macs // (batch or 1)
    return Written(path.stat().st_size, onnx_cost.parameters(model), macs, size, OPSET, rows)


def _graph(network: "Network | DrawnPipeline", description: Artifact) -> "ModelProto":
    from dfs_core.export.half import to_half
    from dfs_core.models.pipeline import Network
    from dfs_core.onnx_frame import enclose
    from dfs_core.onnx_trace import trace

    if not isinstance(network, Network):
        return network.graph(description)
    core = trace(network, (RESTORATION, MASK, FOG_DENSITY, SCORES))
    if description.precision == "fp16":
        core.graph.output.pop()  # scores in 16 bits are no cut point
        to_half(core)
    return enclose(core, description)


def _compared(description: Artifact, sides: Sides) -> Sequence[Frames]:
    """Return the frames that the file is compared on: several, of sides that it takes, the largest among them."""
    usual: Sequence[Frames] = parity.DRAWN_FRAMES if description.draws else parity.FRAMES
    if description.max_size is not None:
        highest, widest = description.max_size
        largest = Frames(1, highest, widest)
        usual = (*(frames for frames in usual if frames.height <= highest and frames.width <= widest), largest)
    batch, height, width = sides
    frames = [Frames(batch or each.batch, height or each.height, width or each.width) for each in usual]
    return list(dict.fromkeys(frames))
