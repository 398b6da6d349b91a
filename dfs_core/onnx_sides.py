"""A model file for frames of one batch, one size, or both: some devices and tools want all sides to be known."""

from typing import TYPE_CHECKING

from dfs_core.artifact import DEHAZED, FOG_DENSITY, FRAMES, MASK, Artifact

if TYPE_CHECKING:
    from onnx import ModelProto

Sides = tuple[int | None, int | None, int | None]
"""(N, H, W) of a model file's frames; None for each that it leaves open."""


def fix_sides(model: "ModelProto", sides: Sides, artifact: Artifact) -> None:
    """Say, in place, which sides a model's frames have; the sides of what it gives follow."""
    batch, height, width = sides
    small = (None, None) if height is None or width is None else artifact.network_size(height, width)
    known = {
        FRAMES: (batch, height, width),
        DEHAZED: (batch, height, width),
        MASK: (batch, *small),
        FOG_DENSITY: (batch,),
    }
    for value in (*model.graph.input, *model.graph.output):
        dimensions = value.type.tensor_type.shape.dim
        for dimension, length in zip(dimensions, known[value.name], strict=False):
            if length is not None:
                dimension.dim_value = length
    if any(length is not None for length in sides):
        del model.graph.value_info[:]  # what was inferred for frames of any sides
