"""Complete a depth map that has holes: patches of like colour are planes, and a hole continues the plane of its patch.

Source: the depth completion of Sakaridis, Dai, Van Gool, "Semantic Foggy Scene Understanding with Synthetic Data", IJCV
2018, section 3: superpixels, a plane in each by RANSAC, and planes handed on to superpixels too little is known of.
What is different here:

- Planes are fitted to the inverse of depth, in which a plane in the world is a plane over the image and infinity is 0;
  theirs are fitted to depth, and treat infinity apart.
- Superpixels and planes are computed on a smaller picture, of eight pixels a superpixel's side; holes are filled at
  full size.
- A continued plane stays within half and twice the nearness at which it was seen, and sky is not continued: where it is
  should be known, and a white kerb would take it.
- They also distrust pixels that look different in the right camera's image, which is not needed here.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.data.depth import FAR_M, Floats
from dfs_core.data.planes import Points, fit_planes, heights
from dfs_core.data.superpixels import superpixels
from dfs_core.errors import DatasetError

PATCHES_PER_ROW = 64
"""Superpixels across the image: about 2048 in one of 2048x1024, as in the paper."""
CELL = 8
COMPACTNESS = 10.0
LEAST_KNOWN = (20, 0.6)
"""Pixels and share of a superpixel that must be known to fit a plane to it."""
LARGE_ERROR_M = 50.0
"""Difference from the plane of its superpixel at which a known depth is not believed, metres."""


def complete(depth: Floats, image: NDArray[np.uint8]) -> Floats:
    """Return the depth map without holes, metres, [H, W]; infinity stays.

    Known depths are kept, but for those more than 50 m off the plane of their superpixel.

    Args:
        depth: metres along the optical axis, [H, W]; infinity for sky, not a number where it is not known.
        image: the scene, RGB uint8 [H, W, 3].

    Raises:
        DatasetError: too little is known to fit a single plane.
    """
    height, width = depth.shape
    step = max(1, width // (PATCHES_PER_ROW * CELL))
    small = cv2.resize(image, (width // step, height // step), interpolation=cv2.INTER_AREA)
    patches, features = superpixels(small, cell=CELL, compactness=COMPACTNESS)
    with np.errstate(divide="ignore"):
        nearness = np.float32(1.0) / depth
    planes = _planes(nearness, patches, features, step)

    rows, columns = (np.minimum(np.arange(side) // step, side // step - 1) for side in (height, width))
    patch = patches[rows[:, None], columns]
    a, b, c, lowest, highest = planes.astype(np.float32).T
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    expected = np.clip(a[patch] * x + b[patch] * y + c[patch], lowest[patch], highest[patch])
    with np.errstate(divide="ignore"):
        continued = np.float32(1.0) / expected
    error = np.abs(np.minimum(continued, FAR_M) - np.minimum(depth, FAR_M))
    return np.where(error <= LARGE_ERROR_M, depth, continued)  # an unknown depth has no error that could be small


def _planes(nearness: Floats, patches: NDArray[np.intp], features: Floats, step: int) -> NDArray[np.float64]:
    """Return of each patch a, b, c of its plane over full-size pixels, and the range in which to believe it, [P, 5]."""
    size = patches.max() + 1
    features = features[:size]
    middle = step // 2
    nearness = nearness[middle::step, middle::step][: patches.shape[0], : patches.shape[1]]
    known = np.isfinite(nearness)
    total = np.bincount(patches.ravel(), minlength=size)
    count = np.bincount(patches[known], minlength=size)
    visible = count >= np.maximum(LEAST_KNOWN[0], LEAST_KNOWN[1] * total)
    if not visible.any():
        raise DatasetError(
            f"depth is known in {known.mean():.1%} of the image, too little anywhere to complete it; "
            "is the disparity that of the image?"
        )
    number = np.cumsum(visible) - 1
    used = known & visible[patches]
    y, x = ((places * step + middle).astype(np.float64) for places in np.nonzero(used))
    points = Points(number[patches[used]], x, y, nearness[used].astype(np.float64), int(visible.sum()))
    typical = points.sum(points.z) / points.sum(np.ones_like(points.z))
    fitted = fit_planes(points, np.maximum(0.01 * typical, 1.0 / FAR_M), np.random.default_rng(0))
    seen = heights(fitted, points).clip(0.0)
    lowest, highest = np.full(points.groups, np.inf), np.zeros(points.groups)
    np.minimum.at(lowest, points.group, seen)
    np.maximum.at(highest, points.group, seen)
    fitted = np.column_stack((fitted, 0.5 * lowest, 2.0 * highest))
    offered = visible.copy()
    offered[visible] = typical > 1.0 / FAR_M
    return fitted[number[_sources(features, visible, offered if offered.any() else visible)]]


def _sources(features: Floats, visible: NDArray[np.bool_], offered: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return for each patch the visible one whose plane it takes, [P].

    The invisible patches are matched one by one, the best match first, each to a patch that has a plane: one that
    offers its own, or one that was matched before.
    """
    sources = np.arange(len(features))
    waiting = np.flatnonzero(~visible)
    candidates = np.flatnonzero(offered)
    distance = _squared_distances(features[waiting], features[candidates])
    best, taken = distance.min(axis=1), candidates[distance.argmin(axis=1)]
    between = _squared_distances(features[waiting], features[waiting])
    for _ in range(len(waiting)):
        place = int(best.argmin())
        sources[waiting[place]] = taken[place]
        best[place] = np.inf
        closer = between[place] < best
        closer &= np.isfinite(best)
        best = np.where(closer, between[place], best)
        taken = np.where(closer, taken[place], taken)
    return sources


def _squared_distances(left: Floats, right: Floats) -> Floats:
    products = left @ right.T
    return (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2.0 * products
