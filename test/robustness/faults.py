"""Messages as no camera should send them, drawn from a random generator of a fixed seed."""

import array
import random
import struct
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from dfs_ros.image_message import from_array

SIZES = ((60, 96), (48, 64), (2, 2), (1, 1), (1, 300), (301, 1), (37, 53))
ENCODINGS = (
    *("rgb8", "bgr8", "rgba8", "bgra8", "mono8", "mono16", "rgb16", "bgr16", "8UC1", "8UC3", "16UC1", "32FC1", "64FC3"),
    *("bayer_rggb8", "bayer_bggr8", "bayer_gbrg8", "bayer_grbg8", "bayer_rggb16", "uyvy", "yuv422", "yuv422_yuy2"),
    *("nv12", "nv21", "nv24", "", "RGB8", " rgb8", "rgb8; jpeg compressed bgr8", "é" * 40, "x" * 5000, "%s%n", "8UC-1"),
)
FORMATS = (
    "jpeg",
    "png",
    "rgb8; jpeg compressed bgr8",
    "bgr8; png compressed",
    "16UC1; compressedDepth png",
    "",
    "x" * 999,
)
WHOLE_NUMBERS = (0, 1, 2, 3, 7, 60, 96, 255, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
FRACTIONS = (0.0, -0.0, 1.0, -1.0, 1e-308, 1e308, -1e308, float("nan"), float("inf"), float("-inf"))


class Faults:
    """Draws faulty messages; the same seed draws the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - faults are no secret
        pixels = np.random.default_rng(seed)
        self._frames = [pixels.integers(0, 256, (*size, 3), np.uint8) for size in SIZES]
        self._pictures = [cv2.imencode(kind, frame)[1].tobytes() for kind in (".jpg", ".png") for frame in self._frames]

    def image(self) -> Image | bytes:
        """Return a faulty Image, or one in ten times its bytes as damaged on the way."""
        frame = self._random.choice(self._frames)
        message = from_array(frame, self._header(), "bgr8", Image)
        return self._damaged(message, (self._encoding, self._sizes, self._length, self._step, self._stamp))

    def compressed_image(self) -> CompressedImage | bytes:
        """Return a faulty CompressedImage, or its bytes as damaged on the way."""
        message = CompressedImage(header=self._header(), format="jpeg")
        message.data = array.array("B", self._random.choice(self._pictures))
        return self._damaged(message, (self._format, self._length, self._flip, self._splice, self._flip, self._stamp))

    def camera_info(self) -> CameraInfo | bytes:
        """Return a faulty CameraInfo, or its bytes as damaged on the way."""
        message = CameraInfo(header=self._header(), height=60, width=96)
        return self._damaged(message, (self._intrinsics, self._intrinsics, self._distortion, self._sizes, self._region))

    def _damaged(self, message: Any, changes: tuple[Callable[[Any], None], ...]) -> Any:
        """Apply one to three of the changes."""
        for change in self._random.choices(changes, k=self._random.randint(1, 3)):
            change(message)
        return self._on_the_way(serialize_message(message)) if self._random.random() < 0.1 else message

    def _on_the_way(self, data: bytes) -> bytes:
        """Return serialised bytes that were cut or changed; the first four say how to read the rest."""
        body = bytearray(data)
        how = self._random.randrange(4)
        if how == 0:
            return bytes(body[: self._random.randrange(4, len(body))])
        if how == 1:  # a length that lies
            at = self._random.randrange(4, max(5, min(len(body) - 4, 200)))
            body[at : at + 4] = struct.pack("<I", self._random.choice(WHOLE_NUMBERS))
        for _ in range(self._random.randint(1, 8)):
            body[self._random.randrange(4 if how else 0, min(len(body), 200))] = self._random.randrange(256)
        return bytes(body)

    def _header(self) -> Header:
        return Header(frame_id=self._random.choice(("camera", "", "/", "x" * 2000, "\x01\x7f", "雾")))

    def _number(self) -> int:
        return self._random.choice(WHOLE_NUMBERS)

    def _stamp(self, message: Any) -> None:
        seconds = self._random.choice((0, 1, -1, 2**31 - 1, -(2**31)))
        message.header.stamp = Time(sec=seconds, nanosec=self._random.choice((0, 999_999_999, 10**9, 2**32 - 1)))

    def _encoding(self, message: Image) -> None:
        message.encoding = self._random.choice(ENCODINGS)
        if self._random.random() < 0.5:  # with as many bytes as that may need
            message.step = message.width * self._random.choice((1, 2, 3, 4, 6, 8))
            rows = self._random.choice((message.height, message.height * 3 // 2))
            message.data = array.array("B", bytes(min(rows * message.step, 100_000)))
        message.is_bigendian = self._random.choice((0, 1, 255))

    def _sizes(self, message: Any) -> None:
        name = self._random.choice(("height", "width"))
        setattr(message, name, self._number())

    def _step(self, message: Image) -> None:
        message.step = self._number()

    def _length(self, message: Any) -> None:
        data = bytes(message.data)
        cut = self._random.randrange(len(data) + 1)
        message.data = array.array("B", self._random.choice((b"", data[:cut], data + bytes(cut), data[cut:])))

    def _format(self, message: CompressedImage) -> None:
        message.format = self._random.choice(FORMATS)

    def _flip(self, message: CompressedImage) -> None:
        """Change bytes, the header's rather than others."""
        if message.data:
            for _ in range(self._random.randint(1, 12)):
                end = len(message.data) if self._random.random() < 0.5 else min(len(message.data), 64)
                message.data[self._random.randrange(end)] = self._random.randrange(256)

    def _splice(self, message: CompressedImage) -> None:
        other = self._random.choice(self._pictures)
        cut = self._random.randrange(len(other))
        message.data = array.array("B", bytes(message.data)[:cut] + other[cut:])

    def _intrinsics(self, message: CameraInfo) -> None:
        for matrix in (message.k, message.r, message.p):
            if self._random.random() < 0.7:
                matrix[self._random.randrange(len(matrix))] = self._random.choice(FRACTIONS)

    def _distortion(self, message: CameraInfo) -> None:
        message.distortion_model = self._random.choice(("plumb_bob", "", "fisheye", "x" * 3000))
        message.d = array.array("d", self._random.choices(FRACTIONS, k=self._random.choice((0, 1, 5, 14, 2000))))

    def _region(self, message: CameraInfo) -> None:
        message.binning_x, message.binning_y = self._number(), self._number()
        for name in ("x_offset", "y_offset", "width", "height"):
            setattr(message.roi, name, self._number())
        message.roi.do_rectify = self._random.random() < 0.5
