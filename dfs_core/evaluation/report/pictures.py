"""The encoded pictures of a report: their type, their pixels, and the addresses that hold them."""

import base64

import cv2
import numpy as np

from dfs_core.errors import FrameError
from dfs_core.evaluation.results import Frame
from dfs_core.panels import Picture

KIND_MARK = " · "
"""Parts a caption: before it whose picture it is, after it what kind, such as "hazy · mask"."""

_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def kind_of(caption: str) -> str:
    """Return what kind of picture a caption stands above; "" for the scene itself."""
    return caption.partition(KIND_MARK)[2]


def scene_of(caption: str) -> str:
    """Return whose picture it is: a caption without the kind."""
    return caption.partition(KIND_MARK)[0]


def decode(frame: Frame, caption: str) -> Picture:
    """Return one picture of a frame, RGB uint8 [H, W, 3].

    Raises:
        FrameError: it is neither JPEG nor PNG, or damaged.
    """
    encoded = frame.pictures[caption]
    mime_type(frame, caption)
    decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise FrameError(
            f"frame '{frame.name}', picture '{caption}': {len(encoded)} bytes that cannot be decoded; encode it again"
        )
    return np.ascontiguousarray(decoded[..., ::-1])


def mime_type(frame: Frame, caption: str) -> str:
    """Return the type of one picture of a frame, such as "image/png".

    Raises:
        FrameError: it is neither JPEG nor PNG.
    """
    encoded = frame.pictures[caption]
    for magic, name in _TYPES.items():
        if encoded.startswith(magic):
            return name
    raise FrameError(
        f"frame '{frame.name}', picture '{caption}': neither JPEG nor PNG (it begins with {encoded[:8]!r}); "
        "encode the pictures of a report as one of them"
    )


def data_uri(encoded: bytes, kind: str) -> str:
    """Return bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(encoded).decode('ascii')}"
