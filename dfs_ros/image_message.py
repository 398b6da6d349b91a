"""sensor_msgs/Image and CompressedImage to and from arrays: the only place that knows encodings.

Works on anything with the fields of those messages: rclpy's, whose data is an `array.array`, and rosbags', whose data
is a numpy array. Nothing here imports ROS.
"""

import dataclasses
import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import FrameError
from dfs_ros import compressed_picture
from dfs_ros.image_error import ImageError

MAX_PIXELS = 64_000_000
"""Largest picture that is taken for real; a corrupt header easily claims more."""

Pixels = NDArray[np.uint8]
_BIG_ENDIAN = int(sys.byteorder == "big")
_Convert = Callable[[NDArray[Any]], Pixels]


@dataclasses.dataclass(frozen=True)
class _Encoding:
    """How the pixels of an encoding lie in memory, and how they become RGB.

    Attributes:
        samples: numbers per pixel.
        to_rgb: makes uint8 [H, W, 3] of [H, W] or [H, W, samples]; None where that is what it is.
        answer: the 8-bit encoding of its family, in which a frame of this encoding is answered.
        depth: bytes per number.
        even_width, even_height: whether pixels share colour with a neighbour.
        rows: rows of data per row of pixels, as a fraction.
    """

    samples: int
    to_rgb: _Convert | None
    answer: str = "rgb8"
    depth: int = 1
    even_width: bool = False
    even_height: bool = False
    rows: tuple[int, int] = (1, 1)


def _by(code: int) -> _Convert:
    return lambda pixels: cv2.cvtColor(pixels, code)


def _by_16_bit(code: int | None) -> _Convert:
    def convert(pixels: NDArray[Any]) -> Pixels:
        narrow = cv2.convertScaleAbs(pixels, alpha=1 / 257)  # 65535 = 257 · 255
        return narrow if code is None else cv2.cvtColor(narrow, code)

    return convert


_GREY = _Encoding(1, _by(cv2.COLOR_GRAY2RGB), "mono8")
_BGR = _Encoding(3, _by(cv2.COLOR_BGR2RGB), "bgr8")
_UYVY = _Encoding(2, _by(cv2.COLOR_YUV2RGB_UYVY), even_width=True)
_YUYV = _Encoding(2, _by(cv2.COLOR_YUV2RGB_YUY2), even_width=True)

# OpenCV names a Bayer pattern by its second row, read from the second column.
_ENCODINGS = {
    "rgb8": _Encoding(3, None),
    "bgr8": _BGR,
    "mono8": _GREY,
    "rgba8": _Encoding(4, _by(cv2.COLOR_RGBA2RGB)),
    "bgra8": _Encoding(4, _by(cv2.COLOR_BGRA2RGB), "bgr8"),
    "8UC1": _GREY,
    "8UC3": _BGR,  # says nothing of colour; in ROS it comes from OpenCV, which means BGR
    "mono16": _Encoding(1, _by_16_bit(cv2.COLOR_GRAY2RGB), "mono8", depth=2),
    "rgb16": _Encoding(3, _by_16_bit(None), depth=2),
    "bgr16": _Encoding(3, _by_16_bit(cv2.COLOR_BGR2RGB), "bgr8", depth=2),
    "bayer_rggb8": _Encoding(1, _by(cv2.COLOR_BayerBG2RGB)),
    "bayer_bggr8": _Encoding(1, _by(cv2.COLOR_BayerRG2RGB)),
    "bayer_gbrg8": _Encoding(1, _by(cv2.COLOR_BayerGR2RGB)),
    "bayer_grbg8": _Encoding(1, _by(cv2.COLOR_BayerGB2RGB)),
    "uyvy": _UYVY,
    "yuv422": _UYVY,
    "yuyv": _YUYV,
    "yuv422_yuy2": _YUYV,
    "nv12": _Encoding(1, _by(cv2.COLOR_YUV2RGB_NV12), even_width=True, even_height=True, rows=(3, 2)),
    "nv21": _Encoding(1, _by(cv2.COLOR_YUV2RGB_NV21), even_width=True, even_height=True, rows=(3, 2)),
}


def to_array(message: Any, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Return a sensor_msgs/Image as RGB, uint8 [H, W, 3], C-contiguous.

    rgb8 without padding is a read-only view of the message, which must not be changed meanwhile; all else is a copy.

    Args:
        message: the message, of rclpy or rosbags.
        max_pixels: larger pictures are refused.

    Raises:
        ImageError: the encoding is not known, or sizes do not fit together; says what was found and expected.
    """
    _check_size(message.height, message.width, max_pixels)
    encoding = _ENCODINGS.get(message.encoding)
    if encoding is None:
        return _by_cv_bridge(message)
    pixels = _unpack(message, encoding)
    if encoding.to_rgb is None:
        return np.ascontiguousarray(pixels)
    try:
        return encoding.to_rgb(pixels)
    except cv2.error as error:
        raise ImageError("conversion", f"{_describe(message)} cannot be converted to RGB: {error.err}") from error


def decode(message: Any, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Return the JPEG or PNG of a sensor_msgs/CompressedImage as RGB, uint8 [H, W, 3].

    What the picture says of its orientation is ignored: the camera's calibration belongs to the pixels as they lie.

    Raises:
        ImageError: it is a depth image, neither JPEG nor PNG, cut off, corrupt, or larger than `max_pixels`.
    """
    if "compressedDepth" in message.format:
        raise ImageError("depth", f"format '{message.format}' holds depth, not colours; subscribe to a colour image")
    data = bytes(message.data)
    header = compressed_picture.inspect(data)
    _check_size(header.height, header.width, max_pixels)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise ImageError(
            "corrupt", f"corrupt {header.kind} of {len(data)} bytes: {error.err}; the frame is dropped"
        ) from error
    if pixels is None:
        raise ImageError(
            "corrupt", f"corrupt {header.kind} of {len(data)} bytes cannot be decoded; the frame is dropped"
        )
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)


def from_array(array: Pixels, header: Any, encoding: str, message_type: Any, *, reuse: Any = None) -> Any:
    """Return a sensor_msgs/Image that holds an array; the pixels are written once.

    Args:
        array: RGB, uint8 [H, W, 3], or one number per pixel, uint8 [H, W].
        header: goes into the message as it is.
        encoding: "rgb8" or "bgr8" for RGB, "mono8" for either.
        message_type: class of the message, of rclpy or rosbags.
        reuse: a message of rclpy's that is no longer needed; when its size fits, it is filled again and returned, which
            saves the allocation.

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
    target = "" if encoding == "mono8" else "bgr8"
    text = f"{encoding}; jpeg compressed {target}"
    if _is_of_rosbags(message_type):
        return message_type(header=header, format=text, data=data.reshape(-1))
    message = message_type(header=header, format=text)
    message.data.frombytes(data.data.cast("B"))
    return message


def answer_encoding(encoding: str) -> str:
    """Return the encoding in which a frame of the given one is answered: "rgb8", "bgr8" or "mono8".

    Blue first stays blue first and grey stays grey, so that a consumer that worked on the camera's topic works on ours;
    all else becomes rgb8.
    """
    known = _ENCODINGS.get(encoding)
    return "rgb8" if known is None else known.answer


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


def _unpack(message: Any, encoding: _Encoding) -> NDArray[Any]:
    """Return a view of the message's pixels, [rows, W] or [rows, W, samples], with padding and byte order undone."""
    height, width, step = message.height, message.width, message.step
    if (encoding.even_width and width % 2) or (encoding.even_height and height % 2):
        raise ImageError("odd size", f"{_describe(message)} needs an even size, as neighbours share their colour")
    row_bytes = width * encoding.samples * encoding.depth
    if step < row_bytes:
        raise ImageError("step", f"{_describe(message)} has step {step}, but a row needs {row_bytes} bytes")
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


def _by_cv_bridge(message: Any) -> Pixels:
    """Convert an encoding that is not ours, where ROS' own converter is installed."""
    known = ", ".join(_ENCODINGS)
    bridge = _cv_bridge()
    if bridge is None:
        raise ImageError(
            "unknown encoding",
            f"{_describe(message)} has an unknown encoding; known: {known}; others where cv_bridge is installed",
        )
    try:
        return np.ascontiguousarray(bridge.CvBridge().imgmsg_to_cv2(message, "rgb8"), np.uint8)
    except (bridge.CvBridgeError, TypeError, ValueError, KeyError) as error:
        raise ImageError(
            "conversion", f"{_describe(message)} cannot be converted by cv_bridge: {error}; known: {known}"
        ) from error


@functools.cache
def _cv_bridge() -> Any | None:
    """Return the module, or None where it is not installed or does not suit this numpy; tried once, not per frame."""
    try:
        return importlib.import_module("cv_bridge")
    except ImportError:
        return None


def _check_encodable(array: Pixels, encoding: str) -> None:
    """Refuse what is not an RGB or single-channel uint8 array, or does not go with the encoding."""
    if encoding not in {"rgb8", "bgr8", "mono8"}:
        raise FrameError(f"frames are written as rgb8, bgr8 or mono8, not '{encoding}'")
    is_grey = array.ndim == 2 and encoding == "mono8"
    if array.dtype != np.uint8 or 0 in array.shape or not (is_grey or (array.ndim == 3 and array.shape[2] == 3)):
        raise FrameError(f"{encoding} needs a uint8 array [H, W, 3] of RGB, not {array.dtype} {list(array.shape)}")


def _encode(array: Pixels, encoding: str, target: Pixels | None) -> Pixels:
    """Write an RGB or single-channel array in an encoding, into `target` if given; return where it is."""
    if encoding == "rgb8" or array.ndim == 2:
        if target is None:
            return np.ascontiguousarray(array)
        np.copyto(target, array)
        return target
    code = cv2.COLOR_RGB2BGR if encoding == "bgr8" else cv2.COLOR_RGB2GRAY
    return cv2.cvtColor(array, code, dst=target)


def _is_of_rosbags(message_type: Any) -> bool:
    """Tell rosbags' dataclasses, made with all fields at once and numpy data, from rclpy's classes."""
    return dataclasses.is_dataclass(message_type)


def _describe(message: Any) -> str:
    """Name a message by what its header claims."""
    return f"'{message.encoding}' image of {message.width}x{message.height} pixels"
