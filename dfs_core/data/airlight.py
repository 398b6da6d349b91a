"""The colour of the fog that a clear scene would have: an estimate from the scene itself."""

import cv2
import numpy as np
from numpy.typing import NDArray

WINDOW = 15
"""Side of the square in which the dark channel takes its minimum, pixels."""
BRIGHTEST = 0.001
"""Share of the pixels that the estimate is chosen from."""


def estimate_airlight(image: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Return the airlight A that suits a clear scene, RGB in [0, 1].

    It is the colour of one pixel: of those where the dark channel is brightest, the one of median grey. Their number is
    odd, so that the median is one of them; among equals the first in reading order is taken.

    Args:
        image: the scene without fog, RGB uint8 [H, W, 3].

    Source: K. Tang, J. Yang, J. Wang, "Investigating Haze-Relevant Features in a Learning Framework for Image
    Dehazing", CVPR 2014, as Sakaridis et al. 2018 use it.
    """
    dark = cv2.erode(image.min(axis=2), np.ones((WINDOW, WINDOW), np.uint8)).ravel()
    count = int(BRIGHTEST * dark.size)
    count += 1 - count % 2
    brightest = np.argsort(255 - dark, kind="stable")[:count]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).ravel()[brightest]
    pixel = brightest[np.argsort(grey, kind="stable")[count // 2]]
    red, green, blue = (image.reshape(-1, 3)[pixel] / 255.0).tolist()
    return red, green, blue
