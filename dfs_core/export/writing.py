"""A network in torch to a model file that is checked, compared, and only then put in its place."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dfs_core.artifact import FOG_DENSITY, MASK, RESTORATION, Artifact
from dfs_core.artifact import FRAMES as FRAMES_INPUT
from dfs_core.export.parity import BOUNDS, Row, compare, refuse_difference
from dfs_core.whole_output import whole_output

if TYPE_CHECKING:
    from dfs_core.models.pipeline import Network

COST_SIZE = (1080, 1920)
"""Height and width of the frame whose cost is told."""


@dataclass(frozen=True)
class Written:
    """What is known of a file that was written.

    Attributes:
        size: bytes.
        parameters: learned numbers.
        macs: multiply-accumulates of one frame of `COST_SIZE`; None where they cannot be counted.
        opset: version of ONNX's operators.
        parity: the comparison with torch.
    """

    size: int
    parameters: int
    macs: int | None
    opset: int
    parity: list[Row]


def write(network: "Network", description: Artifact, path: Path) -> Written:
    """Write a network as a whole model file, if every backend that is here gets the same from it as torch.

    Args:
        network: generator and segmenter, in evaluation mode and in float32.
        description: the metadata that goes into the file; its precision is that of the file, "fp32" or "fp16".
        path: where; a file of that name is replaced only when the new one has passed.

    Raises:
        ArtifactError: the file says something else than torch, or the network does not fit its number format.
        OutputError: it cannot be written there.
    """
    import numpy as np
    import onnx

    from dfs_core.evaluation import onnx_cost
    from dfs_core.export.half import to_half
    from dfs_core.onnx_frame import enclose
    from dfs_core.onnx_trace import OPSET, trace

    core = trace(network, (RESTORATION, MASK, FOG_DENSITY))
    if description.precision == "fp16":
        to_half(core)
    model = enclose(core, description)
    onnx.checker.check_model(model, full_check=True)
    with whole_output(path, overwrite=True) as partial:
        onnx.save(model, partial)
        rows = compare(network, partial)
        refuse_difference(rows, BOUNDS[description.precision], path)
    frame = np.zeros((1, *COST_SIZE, 3), np.uint8)
    macs = onnx_cost.macs(model, {FRAMES_INPUT: frame}, source=path)
    return Written(path.stat().st_size, onnx_cost.parameters(model), macs, OPSET, rows)
