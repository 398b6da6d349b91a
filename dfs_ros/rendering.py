"""Masks as pictures: enlarged, in colours, and laid over the frame."""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def enlarge(mask: Pixels, height: int, width: int) -> Pixels:
    """Return class ids [h, w], or their colours [h, w, 3], at another size; each pixel is what the nearest was."""
    if mask.shape[:2] == (height, width):
        return mask
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


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
