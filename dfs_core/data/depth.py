"""Depth of a driving scene: from a disparity map, from a depth map, or guessed from its labels."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.data.guided_filter import guided_filter
from dfs_core.errors import DatasetError
from dfs_core.labels import LabelSet

Floats = NDArray[np.float32]

FAR_M = 1000.0
"""Distance from which a surface counts as infinitely far, metres: even light fog hides it."""


@dataclass(frozen=True)
class Camera:
    """A camera looking along a flat road.

    Attributes:
        focal: focal length as a share of the image's width.
        height_m: metres above the road.
        horizon: row of the horizon as a share of the image's height, 0 at the top; None to guess it from the labels.
    """

    focal: float = 0.87
    height_m: float = 1.4
    horizon: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no camera can be."""
        if not (self.focal > 0.0 and self.height_m > 0.0 and (self.horizon is None or 0.0 < self.horizon < 1.0)):
            raise DatasetError(f"focal length and height must be above 0 and the horizon in (0, 1), not {self}")


def from_disparity(disparity: NDArray[np.uint16], *, baseline_m: float, focal_px: float) -> Floats:
    """Return depth in metres of a Cityscapes disparity map, [H, W]; not a number where it is invalid.

    Args:
        disparity: as stored in the 16-bit PNG; 0 is invalid.
        baseline_m: distance of the two cameras, metres.
        focal_px: focal length, pixels.

    Raises:
        DatasetError: the map is not 16 bits per pixel.

    Source: d = (v - 1) / 256, depth = baseline · f / d (the Cityscapes data format).
    """
    if disparity.dtype != np.uint16 or disparity.ndim != 2:
        raise DatasetError(
            f"a Cityscapes disparity map is uint16 [H, W], not {disparity.dtype} {list(disparity.shape)}; "
            "read it with cv2.IMREAD_UNCHANGED"
        )
    pixels = (disparity.astype(np.float32) - 1.0) / 256.0
    depth = np.full(disparity.shape, np.nan, np.float32)
    valid = disparity > 0
    with np.errstate(divide="ignore"):  # a disparity of exactly 0 pixels is infinitely far
        depth[valid] = np.float32(baseline_m * focal_px) / pixels[valid]
    return depth


def from_depth_map(depth: NDArray[np.generic], *, unit_m: float) -> Floats:
    """Return depth in metres of a stored depth map, [H, W]; not a number where it is 0 or not finite.

    Args:
        depth: integers or floats, [H, W].
        unit_m: metres per stored unit, such as 0.001 for millimetres.
    """
    metres = depth.astype(np.float32) * np.float32(unit_m)
    return np.where(np.isfinite(metres) & (metres > 0.0), metres, np.float32(np.nan))


def from_labels(labels: NDArray[np.uint8], image: NDArray[np.uint8], label_set: LabelSet, camera: Camera) -> Floats:
    """Return depth in metres guessed from what stands where, [H, W]; infinity for sky.

    The road is flat: ground at row y lies at h f / (y - horizon). Whatever stands on it, a bank beside the road too, is
    as far as the ground just below it, and sky is infinitely far. The edges follow the image.

    Args:
        labels: class ids, [H, W].
        image: RGB, uint8 [H, W, 3].
        label_set: what the ids mean; classes of the categories "flat" and "sky" are ground and sky.
        camera: where the camera is.
    """
    height, width = labels.shape
    ground = _of_category(labels, label_set, "flat")
    sky = _of_category(labels, label_set, "sky")
    horizon = height * camera.horizon if camera.horizon is not None else _horizon(ground)
    ground &= ~_banks(ground, labels, horizon)
    rows = np.arange(height, dtype=np.float32)
    with np.errstate(divide="ignore"):
        nearness = np.clip((rows - horizon) / (camera.height_m * camera.focal * width), 1.0 / FAR_M, None)

    below = _rows_of_ground_below(ground)
    inverse_depth = nearness[below]  # ground is its own foot
    upright = ~ground & ~sky
    inverse_depth = np.where(upright, _steady(inverse_depth, upright, window=max(3, width // 12)), inverse_depth)
    for component, foot in _things(labels, label_set, below):
        inverse_depth[component] = nearness[foot]
    inverse_depth[sky] = 0.0
    guide = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    inverse_depth = guided_filter(inverse_depth.astype(np.float32), guide, radius=max(1, width // 120), epsilon=1e-3)
    with np.errstate(divide="ignore"):
        return np.where(inverse_depth > 1.0 / FAR_M, 1.0 / inverse_depth, np.float32(math.inf)).astype(np.float32)


def _of_category(labels: NDArray[np.uint8], label_set: LabelSet, category: str) -> NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[[index for index, label in enumerate(label_set.classes) if label.category == category]] = True
    return table[labels]


def _horizon(ground: NDArray[np.bool_]) -> float:
    """The road fades some pixels below the horizon; without a road, the middle of the image."""
    height, width = ground.shape
    rows = np.flatnonzero(ground.sum(axis=1) > width // 100)
    return float(rows[0]) - 0.02 * height if rows.size else 0.5 * height


def _banks(ground: NDArray[np.bool_], labels: NDArray[np.uint8], horizon: float) -> NDArray[np.bool_]:
    """Return ground that is not flat, [H, W]: it rises above the horizon, and is not what the camera stands on."""
    height = ground.shape[0]
    banks = np.zeros_like(ground)
    for index in np.unique(labels[ground]):
        _, components, stats, _ = cv2.connectedComponentsWithStats((labels == index).astype(np.uint8))
        for number, (_left, top, _wide, high, _area) in enumerate(stats[1:], start=1):
            if top < horizon - 0.01 * height and top + high < height:
                banks |= components == number
    return banks


def _rows_of_ground_below(ground: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return for each pixel the row of the nearest ground at or below it; the last row where there is none."""
    height = ground.shape[0]
    rows = np.where(ground, np.arange(height)[:, None], height - 1)
    return np.minimum.accumulate(rows[::-1], axis=0)[::-1]


def _things(
    labels: NDArray[np.uint8], label_set: LabelSet, below: NDArray[np.intp]
) -> Iterator[tuple[tuple[NDArray[np.intp], NDArray[np.intp]], int]]:
    """Yield the pixels of each car, person or pole, and the row of the ground that it stands on.

    What spans a large part of the image is a row of things at different distances and is left out.
    """
    width = labels.shape[1]
    for index, label in enumerate(label_set.classes):
        if label.category not in ("object", "vehicle", "human"):
            continue
        _, components, stats, _ = cv2.connectedComponentsWithStats((labels == index).astype(np.uint8))
        for number, (left, top, wide, high, _area) in enumerate(stats[1:], start=1):
            if wide > width // 6:
                continue
            rows, columns = np.nonzero(components[top : top + high, left : left + wide] == number)
            lowest = rows.argmax()
            yield (rows + top, columns + left), int(below[rows[lowest] + top, columns[lowest] + left])


def _steady(inverse_depth: Floats, upright: NDArray[np.bool_], *, window: int) -> Floats:
    """Even out what stands upright along each row, so that a car in front of a house does not pull the house near."""
    values = np.where(upright, inverse_depth, 0.0).astype(np.float32)
    weights = cv2.blur(upright.astype(np.float32), (window, 1))
    return cv2.blur(values, (window, 1)) / np.maximum(weights, np.float32(1e-6))
