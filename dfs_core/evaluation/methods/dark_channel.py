"""The row `dcp`: the dark channel prior with a guided filter, the classical dehazer that nothing was trained for."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core import optics
from dfs_core.data.airlight import BRIGHTEST, WINDOW, estimate_airlight
from dfs_core.data.guided_filter import guided_filter
from dfs_core.errors import FrameError
from dfs_core.evaluation.methods.method import Answer, Expense, Image, Method

OMEGA = 0.95
"""Share of the fog that is removed; the rest tells the eye how far things are."""
MIN_TRANSMISSION = 0.1
"""t0; what is seen through more fog than this keeps the excess."""
RADIUS = 0.1
"""Half the width of the guided filter's window as a share of the image's width: 60 pixels of 600, four patches."""
EPSILON = 1e-3
"""Variance of the guide below which its window counts as flat."""

_DARKEST_AIRLIGHT = 1.0 / 255.0  # a black frame has no airlight to divide by


class DarkChannel(Method):
    """In a clear scene nearly every patch holds something dark, so what brightens the darkest of a patch is fog.

    As in the paper, the patch is 15 pixels whatever the size of the image. Two things differ. The airlight is the
    colour of median grey where the dark channel is brightest, not of the brightest pixel there, which is often a lamp
    or a white car. And the guide is grey, where the paper's is coloured.

    Source: K. He, J. Sun, X. Tang, "Single Image Haze Removal Using Dark Channel Prior", CVPR 2009; the refinement is
    theirs of "Guided Image Filtering", ECCV 2010; the airlight of Tang, Yang, Wang, CVPR 2014.
    """

    name = "dcp"
    key = (
        f"dark channel, patch {WINDOW}, omega {OMEGA}, t0 {MIN_TRANSMISSION}, airlight of {BRIGHTEST}, "
        f"guided filter of {RADIUS} and {EPSILON}"
    )
    source = "He, Sun, Tang, CVPR 2009; guided filter ECCV 2010"

    def __call__(self, frame: Image) -> Answer:
        """Dehaze one frame, RGB uint8 [H, W, 3], of any size.

        Raises:
            FrameError: it is something else.
        """
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
            raise FrameError(f"a frame must be uint8 [H, W, 3] with H, W >= 1, not {frame.dtype} {list(frame.shape)}")
        airlight = np.maximum(np.array(estimate_airlight(frame), np.float32), np.float32(_DARKEST_AIRLIGHT))
        share = _transmission(frame, airlight)
        hazy = frame.astype(np.float32) / np.float32(255.0)
        clear = optics.remove_fog(hazy, share, airlight, min_transmission=MIN_TRANSMISSION)
        return Answer(np.rint(np.clip(clear, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8))

    def expense(self, height: int, width: int) -> Expense:  # noqa: ARG002
        """Return that it has learned nothing; MACs count convolutions and matrix products, and it has neither."""
        return Expense(0, 0)


def _transmission(frame: Image, airlight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return t = 1 - ω · the dark channel of I / A, refined, [H, W]; at most 1, and below t0 where all is fog."""
    relative = [
        cv2.LUT(frame[..., channel], np.arange(256, dtype=np.float32) / np.float32(255.0 * light))
        for channel, light in enumerate(airlight.tolist())
    ]
    dark = cv2.erode(np.minimum.reduce(relative), np.ones((WINDOW, WINDOW), np.uint8))
    guide = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255.0)
    radius = max(1, round(RADIUS * frame.shape[1]))
    refined = guided_filter(1.0 - np.float32(OMEGA) * dark, guide, radius=radius, epsilon=EPSILON)
    return np.minimum(refined, np.float32(1.0))
