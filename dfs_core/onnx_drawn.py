"""The frame around a generator that draws the dehazed frames itself: at full size, padded to its stride and cropped.

Written as `dfs_core.onnx_frame` is. The segmenter sees what was drawn at the low resolution. Such a generator says
nothing of the fog, so the fog density is not a number.
"""

from typing import TYPE_CHECKING

from dfs_core.artifact import DEHAZED, FOG_DENSITY, MASK, Artifact
from dfs_core.onnx_frame import NETWORK, described, prefixed, shrinking, versions

if TYPE_CHECKING:
    import onnx

PADDED, DRAWN, SEEN = "padded", "drawn", "seen"
"""What the generator takes and gives, float [N, 3, h, w] in [0, 1] with h and w multiples of its stride, and what the
segmenter takes, float [N, 3, h, w] in [0, 1]."""

# Mirrored at the edges, or the edge repeated where a frame is too small for that, as `Translator.whole` does it. Rows
# and columns are picked by number: an operator that pads has only one of these ways for all sizes.
_BEFORE = """
<ir_version: {ir_version}, opset_import: ["" : {opset}]>
before (uint8[N, H, W, 3] frames) => (float[N, 3, P, Q] padded, int64[4] shape) {{
  floats = Cast <to = 1> (frames)
  camera_planes = Transpose <perm = [0, 3, 1, 2]> (floats)
  camera_range = Constant <value = float {{255.0}}> ()
  units = Div (camera_planes, camera_range)
  shape = Shape (units)
  zero = Constant <value = int64 {{0}}> ()
  one = Constant <value = int64 {{1}}> ()
  two = Constant <value = int64 {{2}}> ()
  three = Constant <value = int64 {{3}}> ()
  stride = Constant <value = int64 {{{stride}}}> ()
  almost_stride = Constant <value = int64 {{{almost_stride}}}> ()
  rows = Gather <axis = 0> (shape, two)
  columns = Gather <axis = 0> (shape, three)
  rows_and_more = Add (rows, almost_stride)
  row_strides = Div (rows_and_more, stride)
  padded_rows = Mul (row_strides, stride)
  columns_and_more = Add (columns, almost_stride)
  column_strides = Div (columns_and_more, stride)
  padded_columns = Mul (column_strides, stride)
  rows_below = Sub (padded_rows, rows)
  columns_right = Sub (padded_columns, columns)
  rows_fit = Less (rows_below, rows)
  columns_fit = Less (columns_right, columns)
  both_fit = And (rows_fit, columns_fit)
  last_row = Sub (rows, one)
  every_row = Range (zero, padded_rows, one)
  twice_last_row = Add (last_row, last_row)
  opposite_rows = Sub (twice_last_row, every_row)
  mirrored_rows = Min (every_row, opposite_rows)
  repeated_rows = Min (every_row, last_row)
  picked_rows = Where (both_fit, mirrored_rows, repeated_rows)
  last_column = Sub (columns, one)
  every_column = Range (zero, padded_columns, one)
  twice_last_column = Add (last_column, last_column)
  opposite_columns = Sub (twice_last_column, every_column)
  mirrored_columns = Min (every_column, opposite_columns)
  repeated_columns = Min (every_column, last_column)
  picked_columns = Where (both_fit, mirrored_columns, repeated_columns)
  tall = Gather <axis = 2> (units, picked_rows)
  padded = Gather <axis = 3> (tall, picked_columns)
}}
"""

# What is cast to uint8 is cut off, so half a level is added.
_AFTER = """
<ir_version: {ir_version}, opset_import: ["" : {opset}]>
after (float[N, 3, P, Q] drawn, int64[4] shape)
  => (uint8[N, H, W, 3] dehazed, float[N, 3, h, w] seen, float[N] fog_density) {{
  at_batch = Constant <value = int64[1] {{0}}> ()
  at_channels = Constant <value = int64[1] {{1}}> ()
  at_sides = Constant <value = int64[1] {{2}}> ()
  at_end = Constant <value = int64[1] {{4}}> ()
  sides = Slice (shape, at_sides, at_end)
  origin = Constant <value = int64[2] {{0, 0}}> ()
  side_axes = Constant <value = int64[2] {{2, 3}}> ()
  cropped = Slice (drawn, origin, sides, side_axes)
  byte_range = Constant <value = float {{255.0}}> ()
  in_bytes = Mul (cropped, byte_range)
  black = Constant <value = float {{0.0}}> ()
  planes = Clip (in_bytes, black, byte_range)
  half = Constant <value = float {{0.5}}> ()
  raised = Add (planes, half)
  last = Transpose <perm = [0, 2, 3, 1]> (raised)
  dehazed = Cast <to = 2> (last)
  {shrinking}
  seen = Div (averaged, white)
  count = Slice (shape, at_batch, at_channels)
  unknown = Constant <value = float[1] {{nan}}> ()
  fog_density = Expand (unknown, count)
}}
"""


def enclose_drawn(
    generator: "onnx.ModelProto", segmenter: "onnx.ModelProto", artifact: Artifact, *, stride: int
) -> "onnx.ModelProto":
    """Return a whole model.

    Args:
        generator: takes `padded`, gives `drawn`.
        segmenter: takes `seen`, gives `mask`.
        artifact: the description that goes into the metadata.
        stride: what the generator needs heights and widths to be multiples of.
    """
    import onnx.compose
    import onnx.parser

    for network in (generator, segmenter):  # both call their sides alike, but these are not of the same length
        del network.graph.value_info[:]
    opset, ir_version = versions(generator)
    header = {"opset": opset, "ir_version": ir_version}
    head = onnx.parser.parse_model(_BEFORE.format(**header, stride=stride, almost_stride=stride - 1))
    tail = onnx.parser.parse_model(_AFTER.format(**header, shrinking=shrinking(artifact)))
    joined = onnx.compose.merge_models(head, prefixed(generator, f"{NETWORK}generator."), io_map=[(PADDED, PADDED)])
    joined = onnx.compose.merge_models(
        joined, tail, io_map=[(DRAWN, DRAWN), ("shape", "shape")], outputs=[DEHAZED, SEEN, FOG_DENSITY]
    )
    segmenter = prefixed(segmenter, f"{NETWORK}segmenter.")
    whole = onnx.compose.merge_models(joined, segmenter, io_map=[(SEEN, SEEN)], outputs=[DEHAZED, FOG_DENSITY, MASK])
    return described(whole, artifact)
