"""The pixel encodings of sensor_msgs/Image: how each lies in memory, and how it becomes RGB."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Convert = Callable[[NDArray[Any]], Pixels]


@dataclass(frozen=True)
class Encoding:
    """How the pixels of an encoding lie in memory, and how they become RGB.

    Attributes:
        samples: numbers per pixel.
        to_rgb: makes uint8 [H, W, 3] of [rows, W] or [rows, W, samples]; None where that is what it is.
        answer: the 8-bit encoding of its family, in which a frame of this encoding is answered.
        depth: bytes per number.
        even_width, even_height: whether pixels share colour with a neighbour.
        rows: rows of data per row of pixels, as a fraction.
        may_be_padded: whether it is known where padding would lie.
    """

    samples: int
    to_rgb: Convert | None
    answer: str = "rgb8"
    depth: int = 1
    even_width: bool = False
    even_height: bool = False
    rows: tuple[int, int] = (1, 1)
    may_be_padded: bool = True


def narrow(pixels: NDArray[np.uint16]) -> Pixels:
    """Return 16-bit numbers in 8 bits, rounded; white stays white."""
    return cv2.convertScaleAbs(pixels, alpha=1 / 257)  # 65535 = 257 · 255


def _by(code: int) -> Convert:
    return lambda pixels: cv2.cvtColor(pixels, code)


def _wide(code: int) -> Convert:
    return lambda pixels: cv2.cvtColor(narrow(pixels), code)


def _wide_mosaic(code: int) -> Convert:
    return lambda pixels: narrow(cv2.cvtColor(pixels, code))  # colours are interpolated before they are rounded


def _nv24_to_rgb(pixels: NDArray[Any]) -> Pixels:
    """Convert luma and then a pair of chroma a pixel: OpenCV reads UYVY in which each pixel comes twice."""
    height = pixels.shape[0] // 3
    luma, chroma = pixels[:height], pixels[height:].reshape(height, -1, 2)
    doubled = np.stack([chroma[..., 0], luma, chroma[..., 1], luma], axis=-1).reshape(height, -1, 2)
    return np.ascontiguousarray(cv2.cvtColor(doubled, cv2.COLOR_YUV2RGB_UYVY)[:, ::2])


def _half_chroma(code: int) -> Encoding:
    return Encoding(1, _by(code), even_width=True, even_height=True, rows=(3, 2))


_GREY = Encoding(1, _by(cv2.COLOR_GRAY2RGB), "mono8")
_BGR = Encoding(3, _by(cv2.COLOR_BGR2RGB), "bgr8")
_UYVY = Encoding(2, _by(cv2.COLOR_YUV2RGB_UYVY), even_width=True)
_YUYV = Encoding(2, _by(cv2.COLOR_YUV2RGB_YUY2), even_width=True)

# OpenCV names a Bayer pattern by its second row, read from the second column.
_MOSAICS = {
    "rggb": cv2.COLOR_BayerBG2RGB,
    "bggr": cv2.COLOR_BayerRG2RGB,
    "gbrg": cv2.COLOR_BayerGR2RGB,
    "grbg": cv2.COLOR_BayerGB2RGB,
}

ENCODINGS = {
    "rgb8": Encoding(3, None),
    "bgr8": _BGR,
    "mono8": _GREY,
    "rgba8": Encoding(4, _by(cv2.COLOR_RGBA2RGB)),
    "bgra8": Encoding(4, _by(cv2.COLOR_BGRA2RGB), "bgr8"),
    "8UC1": _GREY,
    "8UC3": _BGR,  # says nothing of colour; in ROS it comes from OpenCV, which means BGR
    "mono16": Encoding(1, _wide(cv2.COLOR_GRAY2RGB), "mono8", depth=2),
    "rgb16": Encoding(3, narrow, depth=2),
    "bgr16": Encoding(3, _wide(cv2.COLOR_BGR2RGB), "bgr8", depth=2),
    "rgba16": Encoding(4, _wide(cv2.COLOR_RGBA2RGB), depth=2),
    "bgra16": Encoding(4, _wide(cv2.COLOR_BGRA2RGB), "bgr8", depth=2),
    **{f"bayer_{pattern}8": Encoding(1, _by(code)) for pattern, code in _MOSAICS.items()},
    **{f"bayer_{pattern}16": Encoding(1, _wide_mosaic(code), depth=2) for pattern, code in _MOSAICS.items()},
    "uyvy": _UYVY,
    "yuv422": _UYVY,
    "yuyv": _YUYV,
    "yuv422_yuy2": _YUYV,
    "nv12": _half_chroma(cv2.COLOR_YUV2RGB_NV12),
    "nv21": _half_chroma(cv2.COLOR_YUV2RGB_NV21),
    "nv24": Encoding(1, _nv24_to_rgb, rows=(3, 1), may_be_padded=False),
}
"""By the names of sensor_msgs' image_encodings.hpp, and nv12, which it lacks and drivers send."""
