"""What a dehazer did to a picture of which no clear version exists: what can be seen better, and what was damaged.

None of this says that a picture is right. It sorts photographs, so that a person looks at the worst ones first.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import FrameError
from dfs_core.metrics.edges import visible_edges
from dfs_core.optics import CONTRAST_THRESHOLD

Image = NDArray[np.uint8]

BLACK, WHITE = 8, 247
"""A pixel is black when no channel is above the first, white when none is below the second."""
GREY_CHROMA = 8.0
"""Chroma in CIELAB up to which a pixel counts as nearly grey."""
GREY_SHARE = 0.01
"""Share of nearly grey pixels below which nothing is said of a cast."""
COARSE_PX, SLOPE = 256, 1.0
"""Halos are wider than texture: they are sought in pictures shrunk to this width, where a slope rises by at least so
many levels of luminance a pixel."""


@dataclass(frozen=True)
class Visibility:
    """A picture before and after.

    Attributes:
        edges_before: share of the pixels that lie on visible edges.
        edges_after: the same after.
        new_edges: e, by how much their number grew: 1 means twice as many; None where none was visible before.
        gradient_gain: r, geometric mean of how many times steeper the visible edges after are than they were; None
            where there are none.
        saturated: σ, share of the pixels whose luminance became 0 or 255.
        blackened: share of the pixels that became black; see `BLACK`.
        blown: share of the pixels that became white; see `WHITE`.
        cast: how far the mean colour of what was nearly grey moved over the a-b plane of CIELAB, in units of ΔE; None
            where almost nothing was grey.
        reversed: share of the slopes there before and after that now rise the other way, more than 90° off; see
            `COARSE_PX` and `SLOPE`. Fog that is removed evenly reverses none; a halo does, and a rim of fog that was
            left where the frame ends. None where there are no slopes.

    Source: e, r and σ of N. Hautière, J.-P. Tarel, D. Aubert, É. Dumont, "Blind Contrast Enhancement Assessment by
    Gradient Ratioing at Visible Edges", Image Analysis & Stereology 27, 2008. The others are defined here.
    """

    edges_before: float
    edges_after: float
    new_edges: float | None
    gradient_gain: float | None
    saturated: float
    blackened: float
    blown: float
    cast: float | None
    reversed: float | None


def contrast(picture: Image) -> float:
    """Return the RMS contrast of an RGB picture [H, W, 3]: the standard deviation of its luminance in [0, 1].

    Source: E. Peli, "Contrast in Complex Images", JOSA A 7, 1990.
    """
    return float(cv2.meanStdDev(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))[1].item()) / 255.0


def compare(before: Image, after: Image) -> Visibility:
    """Return what became of an RGB picture, uint8 [H, W, 3], in another of its shape.

    Gradients are Sobel's, of the luminance. Where one is zero their ratio has no logarithm, and the pixel is left out.

    Raises:
        FrameError: the two are not of one shape.
    """
    if before.shape != after.shape:
        raise FrameError(
            f"pictures must be of one shape, not {list(before.shape)} before and {list(after.shape)} after"
        )
    grey, grey_after = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (before, after))
    edges, edges_after = visible_edges(grey, CONTRAST_THRESHOLD), visible_edges(grey_after, CONTRAST_THRESHOLD)
    seen, seen_after = (int(np.count_nonzero(mask)) for mask in (edges, edges_after))
    places = np.flatnonzero(edges_after)
    (x, y), (x_after, y_after) = (_gradient(luminance, places) for luminance in (grey, grey_after))
    squares, squares_after = x * x + y * y, x_after * x_after + y_after * y_after
    valid = (squares > 0.0) & (squares_after > 0.0)
    gains = 0.5 * np.log(squares_after[valid] / squares[valid])
    return Visibility(
        edges_before=seen / grey.size,
        edges_after=seen_after / grey.size,
        new_edges=(seen_after - seen) / seen if seen else None,
        gradient_gain=math.exp(float(gains.mean())) if gains.size else None,
        saturated=_share(_saturated(grey_after) & ~_saturated(grey)),
        blackened=_share(_black(after) & ~_black(before)),
        blown=_share(_white(after) & ~_white(before)),
        cast=_cast(before, after),
        reversed=_reversed(grey, grey_after),
    )


def _gradient(luminance: Image, places: NDArray[np.intp]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the gradient in x and y at N places of the flattened picture, [N] each."""
    x = cv2.Sobel(luminance, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REFLECT)
    y = cv2.Sobel(luminance, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REFLECT)
    return x.ravel()[places], y.ravel()[places]


def _reversed(luminance: Image, luminance_after: Image) -> float | None:
    height, width = luminance.shape
    size = min(COARSE_PX, width), max(1, round(height * min(1.0, COARSE_PX / width)))
    slopes = []
    for picture in (luminance, luminance_after):
        coarse = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        # Sobel's weights add up to 8 where the luminance rises by one level a pixel.
        slopes.append([cv2.Sobel(coarse, cv2.CV_32F, *order, scale=1.0 / 8.0) for order in ((1, 0), (0, 1))])
    (x, y), (x_after, y_after) = slopes
    sloping = np.minimum(x * x + y * y, x_after * x_after + y_after * y_after) >= SLOPE**2
    return float(np.mean((x * x_after + y * y_after)[sloping] < 0.0)) if sloping.any() else None


def _share(mask: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(mask)) / mask.size


def _saturated(luminance: Image) -> NDArray[np.bool_]:
    return (luminance == 0) | (luminance == 255)


def _black(picture: Image) -> NDArray[np.bool_]:
    return cv2.inRange(picture, (0, 0, 0), (BLACK, BLACK, BLACK)) > 0


def _white(picture: Image) -> NDArray[np.bool_]:
    return cv2.inRange(picture, (WHITE, WHITE, WHITE), (255, 255, 255)) > 0


def _cast(before: Image, after: Image) -> float | None:
    lab, lab_after = (cv2.cvtColor(picture, cv2.COLOR_RGB2Lab) for picture in (before, after))
    # 8 bits hold a + 128 and b + 128, in steps of one; the mean is finer than that.
    a, b = (lab[..., channel].astype(np.int16) - 128 for channel in (1, 2))
    grey = (a * a + b * b <= GREY_CHROMA**2).astype(np.uint8)
    if np.count_nonzero(grey) < max(1, GREY_SHARE * grey.size):
        return None
    old, new = (np.array(cv2.mean(picture, grey)[1:3]) for picture in (lab, lab_after))
    return float(np.hypot(*(new - old)))
