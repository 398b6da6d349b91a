"""Masks as pictures: enlarged, in colours, and laid over the frame."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def enlarge(mask: Pixels, height: int, width: int, *, out: Pixels | None = None) -> Pixels:
    """Return class ids [h, w], or their colours [h, w, 3], at another size; each pixel is what the nearest was.

    A mask of that size is returned as it is; another is written to `out` if that is given, C-contiguous. It is what
    OpenCV makes of it, but sooner: only one copy of each row is computed.
    """
    if mask.shape[:2] == (height, width):
        return mask
    wide = cv2.resize(mask, (width, mask.shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return wide.take(_nearest(mask.shape[0], height), axis=0, out=out, mode="clip")


@lru_cache(maxsize=16)
def _nearest(source: int, target: int) -> NDArray[np.int32]:
    """Return which of `source` rows is the nearest to each of `target` rows, by OpenCV's rounding; read-only."""
    indices = np.arange(source, dtype=np.int32)[:, None]
    rows = cv2.resize(indices, (1, target), interpolation=cv2.INTER_NEAREST_EXACT).ravel()
    rows.setflags(write=False)
    return rows


def colorize(mask: Pixels, palette: Pixels) -> Pixels:
    """Return RGB [H, W, 3] of class ids [H, W] by a palette [256, 3]."""
    return cv2.applyColorMap(mask, np.ascontiguousarray(palette).reshape(256, 1, 3))


def overlay(frame: Pixels, mask: Pixels, palette: Pixels, *, opacity: float) -> Pixels:
    """Return RGB [H, W, 3] of a frame under the colours of its mask.

    Args:
        frame: RGB [H, W, 3].
        mask: class ids of any size.
        palette: RGB by id, [256, 3].
        opacity: 0 shows the frame alone, 1 the colours alone.
    """
    height, width = frame.shape[:2]
    colors = enlarge(colorize(mask, palette), height, width)
    return cv2.addWeighted(frame, 1.0 - opacity, colors, opacity, 0.0)
