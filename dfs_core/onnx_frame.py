"""The part of a model file that is the same in all of them: from camera frames to the networks and back.

Written in ONNX's own text syntax; the tensor names are those of `dfs_core.artifact`.
"""

from typing import TYPE_CHECKING

from dfs_core.artifact import DEHAZED, FOG_DENSITY, LOW_RESOLUTION, MASK, OUTPUTS, RESTORATION, Artifact

if TYPE_CHECKING:
    import onnx

NETWORK = "network."
"""What names within the networks begin with; all other nodes are those of this module."""

# From `planes` to `averaged`. Height in steps of the network's multiple, as Artifact.network_size has it:
# (2 w H + m W) / (2 m W), whole numbers.
_SHRINKING = """
  batch_and_channels = Shape <start = 0, end = 2> (planes)
  height = Shape <start = 2, end = 3> (planes)
  width = Shape <start = 3, end = 4> (planes)
  twice_width = Constant <value = int64[1] {{{twice_width}}}> ()
  multiple = Constant <value = int64[1] {{{multiple}}}> ()
  twice_multiple = Constant <value = int64[1] {{{twice_multiple}}}> ()
  fewest = Constant <value = int64[1] {{2}}> ()
  most = Constant <value = int64[1] {{{most}}}> ()
  scaled = Mul (twice_width, height)
  half_a_step = Mul (multiple, width)
  dividend = Add (scaled, half_a_step)
  divisor = Mul (twice_multiple, width)
  wanted_steps = Div (dividend, divisor)
  at_least = Max (wanted_steps, fewest)
  steps = Min (at_least, most)
  doubled_height = Mul (steps, twice_multiple)
  doubled_size = Concat <axis = 0> (batch_and_channels, doubled_height, twice_width)
  doubled = Resize <mode = "linear", coordinate_transformation_mode = "half_pixel"> (planes, , , doubled_size)
  averaged = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (doubled)
  white = Constant <value = float {{255.0}}> ()
"""

_BEFORE = """
<ir_version: {ir_version}, opset_import: ["" : {opset}]>
before (uint8[N, H, W, 3] frames) => (float[N, 3, h, w] low_resolution, float[N, 3, H, W] planes) {{
  floats = Cast <to = 1> (frames)
  planes = Transpose <perm = [0, 3, 1, 2]> (floats)
  {shrinking}
  low_resolution = Div (averaged, white)
}}
"""

# Gain and offset are taken apart while they are small, and as rows of pixels: resized plane by plane they cost OpenVINO
# a third of what they cost as convolutions leave them, channels interleaved. What is cast to uint8 is cut off,
# so half a level is added where that costs nothing, before the offset is resized: rounding a whole frame is a pass over
# it. The cast comes last, because TensorRT has bytes at a graph's ends only.
_AFTER = """
<ir_version: {ir_version}, opset_import: ["" : {opset}]>
after (float[N, C, h, w] restoration, float[N, 3, H, W] planes) => (uint8[N, H, W, 3] dehazed) {{
  begin = Constant <value = int64[1] {{0}}> ()
  after_gain = Constant <value = int64[1] {{1}}> ()
  after_offset = Constant <value = int64[1] {{4}}> ()
  axis = Constant <value = int64[1] {{1}}> ()
  rows = Constant <value = int64[3] {{0, 0, -1}}> ()
  pixels = Reshape (restoration, rows)
  gain_pixels = Slice (pixels, begin, after_gain, axis)
  offset_pixels = Slice (pixels, after_gain, after_offset, axis)
  brightest = Constant <value = float {{255.0}}> ()
  half = Constant <value = float {{0.5}}> ()
  offset_in_bytes = Mul (offset_pixels, brightest)
  raised_offset = Add (offset_in_bytes, half)
  small_size = Shape <start = 2, end = 4> (restoration)
  full_size = Shape <start = 2, end = 4> (planes)
  gain_channels = Shape <start = 0, end = 2> (gain_pixels)
  gain_small_size = Concat <axis = 0> (gain_channels, small_size)
  gain_size = Concat <axis = 0> (gain_channels, full_size)
  gain = Reshape (gain_pixels, gain_small_size)
  full_gain = Resize <mode = "linear", coordinate_transformation_mode = "half_pixel"> (gain, , , gain_size)
  offset_channels = Shape <start = 0, end = 2> (offset_pixels)
  offset_small_size = Concat <axis = 0> (offset_channels, small_size)
  offset_size = Concat <axis = 0> (offset_channels, full_size)
  offset = Reshape (raised_offset, offset_small_size)
  full_offset = Resize <mode = "linear", coordinate_transformation_mode = "half_pixel"> (offset, , , offset_size)
  scaled_planes = Mul (planes, full_gain)
  restored = Add (scaled_planes, full_offset)
  black = Constant <value = float {{0.0}}> ()
  clipped = Clip (restored, black, brightest)
  last = Transpose <perm = [0, 2, 3, 1]> (clipped)
  dehazed = Cast <to = 2> (last)
}}
"""


def shrinking(artifact: Artifact) -> str:
    """Return the nodes from `planes`, float [N, 3, H, W], to `averaged`, the same at low resolution, and `white`."""
    multiple, width = artifact.network_multiple, artifact.network_width
    return _SHRINKING.format(
        multiple=multiple, twice_multiple=2 * multiple, twice_width=2 * width, most=width // multiple
    ).strip()


def before(artifact: Artifact, *, opset: int, ir_version: int) -> "onnx.ModelProto":
    """Return the graph from `frames` to `low_resolution`; `planes` are the frames as float [N, 3, H, W] in [0, 255]."""
    import onnx.parser

    return onnx.parser.parse_model(_BEFORE.format(opset=opset, ir_version=ir_version, shrinking=shrinking(artifact)))


def after(*, opset: int, ir_version: int) -> "onnx.ModelProto":
    """Return the graph from `restoration` and `planes` to `dehazed`."""
    import onnx.parser

    return onnx.parser.parse_model(_AFTER.format(opset=opset, ir_version=ir_version))


def enclose(core: "onnx.ModelProto", artifact: Artifact) -> "onnx.ModelProto":
    """Return a whole model: the part before, the networks, the part after, and the description.

    Args:
        core: takes `low_resolution`, gives `restoration`, `mask` and `fog_density`.
        artifact: the description that goes into the metadata.
    """
    import onnx.compose

    opset, ir_version = versions(core)
    head = before(artifact, opset=opset, ir_version=ir_version)
    tail = after(opset=opset, ir_version=ir_version)
    joined = onnx.compose.merge_models(head, prefixed(core, NETWORK), io_map=[(LOW_RESOLUTION, LOW_RESOLUTION)])
    whole = onnx.compose.merge_models(
        joined, tail, io_map=[(RESTORATION, RESTORATION), ("planes", "planes")], outputs=[MASK, FOG_DENSITY, DEHAZED]
    )
    return described(whole, artifact)


def described(whole: "onnx.ModelProto", artifact: Artifact) -> "onnx.ModelProto":
    """Return a whole graph as a model file: outputs in their order, its name and its description."""
    import onnx

    by_name = {output.name: output for output in whole.graph.output}
    del whole.graph.output[:]
    whole.graph.output.extend(by_name[name] for name in OUTPUTS)
    whole.graph.name = artifact.name
    onnx.helper.set_model_props(whole, artifact.to_metadata())
    return whole


def versions(core: "onnx.ModelProto") -> tuple[int, int]:
    """Return the versions of ONNX's operators and of its format that a graph is written in."""
    return next(entry.version for entry in core.opset_import if entry.domain in {"", "ai.onnx"}), core.ir_version


def prefixed(core: "onnx.ModelProto", prefix: str) -> "onnx.ModelProto":
    """Return a network whose inner names begin with a prefix, so that no other part has the same."""
    import onnx.compose

    return onnx.compose.add_prefix(
        core, prefix, rename_inputs=False, rename_outputs=False, rename_nodes=True, rename_edges=True
    )
