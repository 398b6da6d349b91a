"""sensor_msgs/Image and CompressedImage to and from arrays.

Works on anything with the fields of those messages: rclpy's, whose data is an `array.array`, and rosbags', whose data
is a numpy array. Nothing here imports ROS.
"""

import dataclasses
import math
import sys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import FrameError
from dfs_ros import compressed_picture
from dfs_ros.image_encodings import ENCODINGS, Encoding, Pixels, narrow
from dfs_ros.image_error import ImageError

MAX_PIXELS = 64_000_000
"""Largest picture that is taken for real; a corrupt header easily claims more."""

_BIG_ENDIAN = int(sys.byteorder == "big")
_PNG_LEVEL = 1
_DEPTH_ENCODINGS = ("16UC1", "32FC1")


def to_array(message: Any, *, max_pixels: int = MAX_PIXELS, blue_may_lie_first: bool = False) -> Pixels:
    """Return a sensor_msgs/Image as RGB, uint8 [H, W, 3], C-contiguous.

    rgb8 without padding is a read-only view of the message, which must not be changed meanwhile; all else is a copy.

    Args:
        message: the message, of rclpy or rosbags.
        max_pixels: larger pictures are refused.
        blue_may_lie_first: whether bgr8 may come as a view, too: RGB to index, but not contiguous.

    Raises:
        ImageError: the encoding is not known, or sizes do not fit together; says what was found and expected.
    """
    _check_size(message.height, message.width, max_pixels)
    encoding = ENCODINGS.get(message.encoding)
    if encoding is None:
        raise ImageError(
            "unknown encoding", f"{_describe(message)} has an unknown encoding; known: {', '.join(ENCODINGS)}"
        )
    pixels = _unpack(message, encoding)
    if encoding.to_rgb is None:
        return np.ascontiguousarray(pixels)
    if blue_may_lie_first and message.encoding == "bgr8":
        return np.ascontiguousarray(pixels)[..., ::-1]
    try:
        return encoding.to_rgb(pixels)
    except cv2.error as error:
        raise ImageError("conversion", f"{_describe(message)} cannot be converted to RGB: {error.err}") from error


def decode(message: Any, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Return the JPEG or PNG of a sensor_msgs/CompressedImage as RGB, uint8 [H, W, 3].

    What image_transport's compressed_image_transport says in `format` is heeded: a mosaic is turned into colours, and
    pictures whose colours are "compressed rgb" have red and blue the wrong way round. Sixteen bits are narrowed. What
    the picture says of its orientation is ignored: the camera's calibration belongs to the pixels as they lie.

    Raises:
        ImageError: it is a depth image, neither JPEG nor PNG, cut off, corrupt, or larger than `max_pixels`.
    """
    encoding, _, stored = (part.strip() for part in message.format.partition(";"))
    if "compressedDepth" in message.format or encoding in _DEPTH_ENCODINGS:
        raise ImageError(
            "depth", f"format {message.format[:80]!r} holds depth, not colours; subscribe to a colour image"
        )
    data = bytes(message.data)
    header = compressed_picture.inspect(data)
    _check_size(header.height, header.width, max_pixels)
    if stored.endswith("compressed") and encoding in ENCODINGS and encoding.startswith("bayer_"):
        return _colors_of_mosaic(_decompress(data, header.kind, cv2.IMREAD_GRAYSCALE), encoding)
    pixels = _decompress(data, header.kind, cv2.IMREAD_COLOR)
    if pixels.dtype == np.uint16:
        pixels = narrow(pixels)
    if "compressed rgb" in stored:
        return pixels
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)


def from_array(array: Pixels, header: Any, encoding: str, message_type: Any, *, reuse: Any = None) -> Any:
    """Return a sensor_msgs/Image that holds an array; the pixels are written once.

    Args:
        array: RGB, uint8 [H, W, 3], or one number per pixel, uint8 [H, W].
        header: goes into the message as it is.
        encoding: "rgb8" or "bgr8" for RGB, "mono8" for either.
        message_type: class of the message, of rclpy or rosbags.
        reuse: a message of rclpy's that is no longer needed; when its size fits, it is filled again and returned, which
            saves the allocation. An array that `room` gave of it is not copied.

    Raises:
        FrameError: `array` or `encoding` is none of these.
    """
    _check_encodable(array, encoding)
    height, width = array.shape[:2]
    step = width * (1 if encoding == "mono8" else 3)
    layout = {"height": height, "width": width, "encoding": encoding, "step": step, "is_bigendian": _BIG_ENDIAN}
    if _is_of_rosbags(message_type):
        return message_type(header=header, data=_encode(array, encoding, None).reshape(-1), **layout)
    if reuse is not None and len(reuse.data) == height * step:
        message = reuse
        shape = (height, width) if encoding == "mono8" else (height, width, 3)
        _encode(array, encoding, np.frombuffer(message.data, np.uint8).reshape(shape))
    else:
        message = message_type()
        # In place: assigning to `data` copies once more, or checks every byte, depending on the distribution.
        message.data.frombytes(_encode(array, encoding, None).data.cast("B"))
    message.header = header
    for name, value in layout.items():
        setattr(message, name, value)
    return message


def room(height: int, width: int, encoding: str, message_type: Any, *, reuse: Any = None) -> tuple[Any, Pixels]:
    """Return a sensor_msgs/Image of rclpy's that is to be filled, and where its pixels go.

    Write them there, and give both to `from_array`, as `reuse` and `array`.

    Args:
        height: of the image.
        width: of the image.
        encoding: "rgb8" or "bgr8", whose pixels are RGB to index, [H, W, 3], or "mono8", [H, W].
        message_type: class of the message.
        reuse: a message that is no longer needed; it is the one returned when its size fits.
    """
    shape = (height, width) if encoding == "mono8" else (height, width, 3)
    message = reuse
    if reuse is None or len(reuse.data) != math.prod(shape):
        message = message_type()
        message.data.frombytes(bytes(math.prod(shape)))
    pixels = np.frombuffer(message.data, np.uint8).reshape(shape)
    return message, pixels[..., ::-1] if encoding == "bgr8" else pixels


def to_compressed(array: Pixels, header: Any, message_type: Any, quality: int = 90, *, encoding: str = "rgb8") -> Any:
    """Return a sensor_msgs/CompressedImage that holds an array as JPEG.

    Args:
        array: RGB, uint8 [H, W, 3], or grey, uint8 [H, W].
        header: goes into the message as it is.
        message_type: class of the message, of rclpy or rosbags.
        quality: JPEG quality, 1 to 100.
        encoding: "rgb8", "bgr8" or "mono8": what the raw image has, or would have, for those who decompress it.

    Raises:
        FrameError: `array` or `encoding` is none of these.
    """
    _check_encodable(array, encoding)
    picture = _encode(array, "mono8" if encoding == "mono8" else "bgr8", None)
    written, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not written:
        raise FrameError(f"an array of {list(array.shape)} cannot be written as JPEG")
    stored = "mono8" if encoding == "mono8" else "bgr8"
    return _compressed(data, header, f"{encoding}; jpeg compressed {stored}", message_type)


def to_png(mask: Pixels, header: Any, message_type: Any) -> Any:
    """Return a sensor_msgs/CompressedImage that holds class ids, uint8 [H, W], as PNG, which loses nothing.

    Raises:
        FrameError: `mask` is something else.
    """
    if mask.dtype != np.uint8 or mask.ndim != 2 or 0 in mask.shape:
        raise FrameError(f"a mask is a uint8 array [H, W], not {mask.dtype} {list(mask.shape)}")
    written, data = cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
    if not written:
        raise FrameError(f"a mask of {list(mask.shape)} cannot be written as PNG")
    return _compressed(data, header, "mono8; png compressed mono8", message_type)


def answer_encoding(encoding: str) -> str:
    """Return the encoding in which a frame of the given one is answered: "rgb8", "bgr8" or "mono8".

    The `format` of a sensor_msgs/CompressedImage will do, too: it begins with the encoding of the raw image.

    Blue first stays blue first and grey stays grey, so that a consumer that worked on the camera's topic works on ours;
    all else becomes rgb8.
    """
    known = ENCODINGS.get(encoding.partition(";")[0].strip())
    return "rgb8" if known is None else known.answer


def _colors_of_mosaic(pixels: NDArray[Any], encoding: str) -> Pixels:
    """Return RGB of a Bayer image, which JPEG may have narrowed to 8 bits."""
    pattern = encoding.removesuffix("16").removesuffix("8")
    to_rgb = ENCODINGS[f"{pattern}{8 * pixels.itemsize}"].to_rgb
    return pixels if to_rgb is None else to_rgb(pixels)


def _decompress(data: bytes, kind: str, color: int) -> NDArray[Any]:
    """Return a picture as OpenCV reads it with that flag: BGR or grey, of 8 or 16 bits."""
    flags = color | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(
            "corrupt", f"corrupt {kind} of {len(data)} bytes: {error.err}; the frame is dropped"
        ) from error
    if pixels is None:
        raise ImageError("corrupt", f"corrupt {kind} of {len(data)} bytes cannot be decoded; the frame is dropped")
    return pixels


def _check_size(height: int, width: int, max_pixels: int) -> None:
    """Refuse pictures of no size, and of one that no camera has."""
    if height < 1 or width < 1:
        raise ImageError("empty", f"image of {width}x{height} pixels is empty; check the camera driver")
    if height * width > max_pixels:
        raise ImageError(
            "too large",
            f"image of {width}x{height} pixels is larger than {max_pixels} pixels; "
            "raise the parameter max_pixels if the camera really sends that",
        )


def _unpack(message: Any, encoding: Encoding) -> NDArray[Any]:
    """Return a view of the message's pixels, [rows, W] or [rows, W, samples], with padding and byte order undone."""
    height, width, step = message.height, message.width, message.step
    if (encoding.even_width and width % 2) or (encoding.even_height and height % 2):
        raise ImageError("odd size", f"{_describe(message)} needs an even size, as neighbours share their colour")
    row_bytes = width * encoding.samples * encoding.depth
    if step < row_bytes:
        raise ImageError("step", f"{_describe(message)} has step {step}, but a row needs {row_bytes} bytes")
    if step > row_bytes and not encoding.may_be_padded:
        raise ImageError(
            "step", f"{_describe(message)} has step {step}, but is read without padding only, with {row_bytes}"
        )
    rows = height * encoding.rows[0] // encoding.rows[1]
    if len(message.data) != rows * step:
        raise ImageError(
            "data length",
            f"{_describe(message)} with step {step} needs {rows * step} bytes of data, not {len(message.data)}",
        )
    data = np.frombuffer(message.data, np.uint8).reshape(rows, step)[:, :row_bytes]
    data.flags.writeable = False
    if encoding.depth == 2:
        order = ">u2" if message.is_bigendian else "<u2"
        data = np.ascontiguousarray(data).view(order).astype(np.uint16, copy=False)
    return data if encoding.samples == 1 else data.reshape(rows, width, encoding.samples)


def _check_encodable(array: Pixels, encoding: str) -> None:
    """Refuse what is not an RGB or single-channel uint8 array, or does not go with the encoding."""
    if encoding not in {"rgb8", "bgr8", "mono8"}:
        raise FrameError(f"frames are written as rgb8, bgr8 or mono8, not '{encoding}'")
    is_grey = array.ndim == 2 and encoding == "mono8"
    if array.dtype != np.uint8 or 0 in array.shape or not (is_grey or (array.ndim == 3 and array.shape[2] == 3)):
        raise FrameError(f"{encoding} needs a uint8 array [H, W, 3] of RGB, not {array.dtype} {list(array.shape)}")


def _encode(array: Pixels, encoding: str, target: Pixels | None) -> Pixels:
    """Write an RGB or single-channel array in an encoding, into `target` if given; return where it is."""
    if encoding == "bgr8" and array.strides[-1] < 0:  # it lies in memory as B, G, R already
        array, encoding = array[..., ::-1], "rgb8"
    if encoding == "rgb8" or array.ndim == 2:
        if target is None:
            return np.ascontiguousarray(array)
        if array.ctypes.data != target.ctypes.data or array.strides != target.strides:
            np.copyto(target, array)
        return target
    code = cv2.COLOR_RGB2BGR if encoding == "bgr8" else cv2.COLOR_RGB2GRAY
    return cv2.cvtColor(array, code, dst=target)


def _compressed(data: Pixels, header: Any, text: str, message_type: Any) -> Any:
    """Return a sensor_msgs/CompressedImage of these bytes."""
    if _is_of_rosbags(message_type):
        return message_type(header=header, format=text, data=data.reshape(-1))
    message = message_type(header=header, format=text)
    message.data.frombytes(data.data.cast("B"))
    return message


def _is_of_rosbags(message_type: Any) -> bool:
    """Tell rosbags' dataclasses, made with all fields at once and numpy data, from rclpy's classes."""
    return dataclasses.is_dataclass(message_type)


def _describe(message: Any) -> str:
    """Name a message by what its header claims."""
    return f"{message.encoding[:40]!r} image of {message.width}x{message.height} pixels"
