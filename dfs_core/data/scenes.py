"""Procedural driving scenes with exact depth, labels and instances: data for first steps and tests, from no files."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.data.sample import Sample, Split
from dfs_core.data.scene_canvas import Canvas, Floats, grain
from dfs_core.data.scene_street import Street, draw_street
from dfs_core.data.scene_things import draw
from dfs_core.data.transforms import to_bytes
from dfs_core.errors import DatasetError
from dfs_core.labels import LabelSet

SPLITS = ("train", "val")
"""Both are drawn from streets of their own."""

_LANE_MARK_M = 0.12
_KERB_M = 0.18


class Scenes(Split):
    """Streets that are drawn when they are asked for; scene i is always the same."""

    labels: LabelSet

    def __init__(
        self, labels: LabelSet, split: str = "train", *, count: int, size: tuple[int, int] = (240, 320), seed: int = 1
    ) -> None:
        """Choose what to draw.

        Args:
            labels: Cityscapes' or CamVid's classes; what a set has no class for is left out.
            split: "train" or "val".
            count: number of scenes.
            size: height and width, pixels.
            seed: of all scenes of both splits.

        Raises:
            DatasetError: there is no such split, no scene, or less than 16 pixels a side.
        """
        if split not in SPLITS:
            raise DatasetError(f"scenes: the splits are {' and '.join(SPLITS)}, not '{split}'")
        if count < 1 or min(size) < 16:
            raise DatasetError(f"scenes: at least 1 scene of 16x16 pixels must be drawn, not {count} of {list(size)}")
        self.labels = labels
        self._size, self._count = size, count
        self._seed = (seed, SPLITS.index(split))
        self._split = split

    def __len__(self) -> int:
        """Return the number of scenes."""
        return self._count

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        """Draw one scene."""
        if not 0 <= index < self._count:
            raise IndexError(f"scene {index} of {self._count}")
        street = draw_street(np.random.default_rng([*self._seed, index]))
        return render(street, self.labels, self._size, name=f"{self._split}_{index:05d}")


def render(street: Street, labels: LabelSet, size: tuple[int, int], *, name: str) -> Sample:
    """Return a street as its camera sees it, with exact ray lengths, labels and instances.

    Args:
        street: what to draw.
        labels: the classes to label it with.
        size: height and width, pixels.
        name: of the sample.
    """
    canvas = Canvas(size, street.camera, labels)
    canvas.sky(_sky(canvas, street))
    canvas.ground(lambda x, z: _ground(canvas, street, x, z))
    for thing in street.things:
        if thing.kind in ("car", "truck", "bus", "train"):
            half = thing.width / 2
            canvas.shade((thing.x - half, thing.x + half), (thing.z - 0.3, thing.z + thing.length), 0.4)
    for thing in sorted(street.things, key=lambda thing: thing.z):  # what is hidden then need not be painted
        draw(canvas, thing)
    return canvas.sample(name, _exposed(canvas, street))


def _sky(canvas: Canvas, street: Street) -> Floats:
    """Return the sky, [H, W, 3]: it gives the light, so it is as bright however the street is lit."""
    height, width = canvas.image.shape[:2]
    horizon, zenith = (np.asarray(color, np.float32) for color in (street.light.horizon, street.light.zenith))
    up = np.clip(-canvas.down / 0.5, 0.0, 1.0)[:, None, None]
    x, y = (np.arange(side, dtype=np.float32) / np.float32(width) for side in (width, height))
    clouds = cv2.GaussianBlur(grain(9.0 * x[None], 22.0 * y[:, None], offset=street.seed), (0, 0), width / 100)
    color = horizon + (zenith - horizon) * up + np.float32(street.light.clouds) * clouds[..., None]
    return color / np.asarray(street.light.sun, np.float32)


def _ground(canvas: Canvas, street: Street, x: Floats, z: Floats) -> tuple[Floats, NDArray[np.uint8]]:
    """Return colour and class id of the ground at x and z: road, marks, kerbs, pavements, and what lies beyond."""
    left, right = street.kerbs
    road = (x > left) & (x < right)
    pavement = (x > left - street.pavements[0]) & (x < right + street.pavements[1]) & ~road
    rough = grain(x / 1.5, z / 1.5 + 0 * x, offset=street.seed)
    color = np.where(street.paved, np.float32(0.5), np.float32(0.0)) + np.zeros((*x.shape, 3), np.float32)
    if not street.paved:
        color[:] = (0.27, 0.36, 0.16)
    color[pavement] = (0.5, 0.48, 0.46)
    joints = ((z % 1.2 < 0.08) | (np.abs(x) % 1.2 < 0.05)) & pavement & (z < 25.0)
    color[joints] *= np.float32(0.8)
    color[road] = (0.3, 0.3, 0.31)
    color *= 1.0 + 0.09 * rough[..., None]
    kerb = (np.abs(x - left) < _KERB_M) | (np.abs(x - right) < _KERB_M)
    color[kerb] = (0.62, 0.61, 0.6)
    marks = np.zeros_like(road)
    for at in street.lane_marks:
        marks |= (np.abs(x - at) < _LANE_MARK_M) & (z % 7.0 < 3.5)
    if street.crossing is not None:
        marks |= road & (z > street.crossing) & (z < street.crossing + 3.0) & (x % 1.0 < 0.5)
    color[marks] = (0.82, 0.82, 0.8)
    if street.shadow:
        color[x < left + street.shadow + 0.6 * np.sin(z / 5.0)] *= np.float32(0.55)
    ids = np.where(road, canvas.ground_id("road"), canvas.ground_id("sidewalk" if street.paved else "terrain"))
    ids[pavement] = canvas.ground_id("sidewalk")
    return color, ids.astype(np.uint8)


def _exposed(canvas: Canvas, street: Street) -> NDArray[np.uint8]:
    """Return the picture as the camera takes it: lit, slightly soft, with its noise and its response; RGB."""
    picture = cv2.GaussianBlur(canvas.image * np.asarray(street.light.sun, np.float32), (0, 0), 0.6)
    noise = np.random.default_rng(street.seed).standard_normal(picture.shape[:2], np.float32)
    levels = np.arange(256, dtype=np.float32) / 255.0
    response = to_bytes(255.0 * np.power(levels, np.float32(street.light.gamma)))
    return cv2.LUT(to_bytes(255.0 * picture + 2.0 * noise[..., None]), response)
