"""What the viewer shows together: the messages of one stamp, and how a browser gets them."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from dfs_core.labels import UNLABELLED, LabelClass
from dfs_ros.image_message import to_array
from dfs_ros.mask_message import to_mask

Message: TypeAlias = Image | CompressedImage
Stamp: TypeAlias = tuple[int, int]

CAMERA, DEHAZED, MASK = "camera", "dehazed", "mask"
PARTS = (CAMERA, DEHAZED, MASK)

MOST_FRAMES, MOST_BYTES = 512, 192 << 20
"""How much waits for its counterparts: an answer may take seconds where the model is slow, and most get none."""

SHOWN_SIDE, MASK_SIDE = 1280, 640
"""The longer side of a picture, in pixels: screens show no more, and encoders know limits."""

JPEG_QUALITY = 80
SMALLEST_SHARE = 0.005
"""A class that covers less of the picture is not listed."""


@dataclass(frozen=True)
class Frame:
    """A camera's image and what the dehaze node made of it; pictures are made when somebody asks for them.

    Attributes:
        number: counts up from 1.
        stamp: of all its messages, seconds and nanoseconds.
        camera: the image as it came.
        dehazed: the node's answer, JPEG or PNG.
        mask: class ids, mono8; None where the node gives none, as when it is told to dehaze nothing.
        labels: what they mean, in the order of their ids; of more ids nothing is known.
        born: `time.monotonic` when it was complete.
    """

    number: int
    stamp: Stamp
    camera: Message
    dehazed: CompressedImage
    mask: Image | None
    labels: Sequence[LabelClass]
    born: float

    @cached_property
    def pictures(self) -> tuple[bytes, bytes, bytes]:
        """The image, the dehazed image and the colours of the mask, each a JPEG or PNG or nothing.

        Raises:
            ImageError: the image or the mask cannot be read.
        """
        colors = b"" if self.mask is None else _colors(_ids(self.mask), self.labels)
        return _picture(self.camera), bytes(self.dehazed.data), colors

    @cached_property
    def classes(self) -> list[dict[str, object]]:
        """The classes in the picture with name, colour and share of its area, the largest first.

        Raises:
            ImageError: the mask cannot be read.
        """
        if self.mask is None:
            return []
        ids = _ids(self.mask)
        shares = np.bincount(ids.ravel(), minlength=256) / max(ids.size, 1)
        known = range(len(self.labels))
        seen = sorted((number for number in known if shares[number] >= SMALLEST_SHARE), key=lambda n: -shares[n])
        return [
            {"name": self.labels[n].name, "color": self.labels[n].color, "share": round(float(shares[n]), 3)}
            for n in seen
        ]


class Counterparts:
    """Holds messages until those of the same stamp are there."""

    def __init__(self, *, most_frames: int = MOST_FRAMES, most_bytes: int = MOST_BYTES) -> None:
        """Begin empty; beyond the limits the oldest are given up."""
        self._most_frames, self._most_bytes = most_frames, most_bytes
        self._waiting: OrderedDict[Stamp, dict[str, Message]] = OrderedDict()
        self._unmasked: Stamp | None = None

    def put(self, part: str, message: Message) -> dict[str, Message] | None:
        """Keep a message, and return all of a stamp once they are there; what is older is then given up.

        A frame whose mask has not come when the next one is there is returned without.
        """
        stamp = (message.header.stamp.sec, message.header.stamp.nanosec)
        parts = self._waiting.setdefault(stamp, {})
        parts[part] = message
        if len(parts) == len(PARTS):
            return self._taken(stamp)
        if part != MASK and len(parts) == len(PARTS) - 1 and MASK not in parts:
            before, self._unmasked = self._unmasked, stamp
            return self._taken(before) if before is not None and before in self._waiting else None
        while len(self._waiting) > self._most_frames or (len(self._waiting) > 1 and self._bytes > self._most_bytes):
            self._waiting.popitem(last=False)
        return None

    def _taken(self, stamp: Stamp) -> dict[str, Message]:
        while True:
            found, parts = self._waiting.popitem(last=False)
            if found == stamp:
                return parts

    def clear(self) -> None:
        """Give up all that waits."""
        self._waiting.clear()

    @property
    def _bytes(self) -> int:
        return sum(len(message.data) for parts in self._waiting.values() for message in parts.values())


def pack(header: Mapping[str, object], pictures: Sequence[bytes]) -> bytes:
    """Return one binary message: the header's length in 4 bytes, big-endian, the header as JSON, the pictures.

    The header tells the pictures' sizes in bytes as `sizes`.
    """
    text = json.dumps({**header, "sizes": [len(picture) for picture in pictures]}, allow_nan=False).encode()
    return b"".join((len(text).to_bytes(4, "big"), text, *pictures))


def _picture(message: Message) -> bytes:
    """Return an image as JPEG no larger than is shown; what is compressed already as it is."""
    if isinstance(message, CompressedImage):
        return bytes(message.data)
    frame = _shrunk(to_array(message), SHOWN_SIDE, cv2.INTER_AREA)
    quality = (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)
    return cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), quality)[1].tobytes()


def _ids(mask: Image) -> NDArray[np.uint8]:
    """Return class ids [h, w], no larger than is shown."""
    return _shrunk(to_mask(mask), MASK_SIDE, cv2.INTER_NEAREST_EXACT)


def _colors(ids: NDArray[np.uint8], labels: Sequence[LabelClass]) -> bytes:
    """Return the colours of class ids as PNG; what has no label is transparent."""
    palette = np.zeros((256, 4), np.uint8)
    for number, label in enumerate(labels):
        palette[number] = (*label.color[::-1], 255)
    palette[UNLABELLED] = 0
    return cv2.imencode(".png", palette[ids], (cv2.IMWRITE_PNG_COMPRESSION, 1))[1].tobytes()


def _shrunk(image: NDArray[np.uint8], side: int, interpolation: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    share = side / max(height, width)
    if share >= 1:
        return image
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return cv2.resize(image, size, interpolation=interpolation)
