"""The guided image filter: smooth a map, but keep the edges of a guide.

Source: K. He, J. Sun, X. Tang, "Guided Image Filtering", TPAMI 2013, for a grey guide.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def guided_filter(source: Floats, guide: Floats, *, radius: int, epsilon: float) -> Floats:
    """Return `source` smoothed in windows of 2 · radius + 1 pixels, following the edges of `guide`.

    Args:
        source: the map to smooth, [H, W].
        guide: grey image in [0, 1], [H, W].
        radius: half the window's width, pixels.
        epsilon: variance of the guide below which a window counts as flat.
    """
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(values: Floats) -> Floats:
        return cv2.blur(values, window, borderType=cv2.BORDER_REFLECT)

    mean_guide, mean_source = mean(guide), mean(source)
    covariance = mean(guide * source) - mean_guide * mean_source
    variance = mean(guide * guide) - mean_guide * mean_guide
    slope = covariance / (variance + np.float32(epsilon))
    offset = mean_source - slope * mean_guide
    return mean(slope) * guide + mean(offset)
