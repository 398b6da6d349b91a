"""A picture with a z-buffer, and the three kinds of flat surfaces that procedural scenes are made of.

The camera stands at the origin and looks along z over a flat road; x points to the right and y up, in metres, y = 0 on
the road. Each pixel is cast onto the surface itself, so depth, labels and instances are exact.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core import optics
from dfs_core.data.depth import Camera
from dfs_core.data.sample import Sample
from dfs_core.labels import UNLABELLED, LabelSet

Floats = NDArray[np.float32]
Range = tuple[float, float]

NEAR_M = 0.5
"""Nothing is drawn nearer to the camera, metres."""


class Paint(NamedTuple):
    """What a surface looks like where pixels see it.

    Attributes:
        mask: where the surface is solid, bool, broadcastable to [h, w].
        color: RGB in [0, 1], broadcastable to [h, w, 3].
    """

    mask: NDArray[np.bool_]
    color: Floats


OTHER_NAMES = {
    "sidewalk": "pavement",
    "wall": "building",
    "traffic light": "sign",
    "traffic sign": "sign",
    "vegetation": "tree",
    "terrain": "tree",
    "person": "pedestrian",
    "rider": "bicyclist",
    "truck": "car",
    "bus": "car",
    "train": "car",
    "motorcycle": "bicyclist",
    "bicycle": "bicyclist",
}
"""What CamVid's eleven classes call things of Cityscapes, as SegNet grouped CamVid's thirty-two."""

Painter = Callable[[Floats, Floats], Paint]
"""Paints a surface, given where each pixel lies on it: both coordinates broadcast to [h, w]."""


class Canvas:
    """A picture that surfaces are put into, in any order."""

    def __init__(self, size: tuple[int, int], camera: Camera, labels: LabelSet) -> None:
        """Start with an empty picture.

        Args:
            size: height and width, pixels.
            camera: where it is; its horizon must be given.
            labels: the classes that surfaces are labelled with.
        """
        assert camera.horizon is not None  # noqa: S101 - the scenes choose one
        height, width = size
        self.height_m = camera.height_m
        self._focal = camera.focal * width
        self._center = ((width - 1) / 2, camera.horizon * height)
        self.right = (np.arange(width, dtype=np.float32) - np.float32(self._center[0])) / np.float32(self._focal)
        self.down = (np.arange(height, dtype=np.float32) - np.float32(self._center[1])) / np.float32(self._focal)
        self.image = np.zeros((height, width, 3), np.float32)
        self._labels = labels
        self._ids = np.full(size, UNLABELLED, np.uint8)
        self._instances = np.zeros(size, np.int32)
        self._depth = np.full(size, np.inf, np.float32)
        self._things = 0

    def class_id(self, name: str) -> int | None:
        """Return the id of a Cityscapes class in the picture's label set; None where the set has none."""
        names = self._labels.names
        name = name if name in names else OTHER_NAMES.get(name, name)
        return names.index(name) if name in names else None

    def ground_id(self, name: str) -> int:
        """Return the id of a Cityscapes class of the ground, which every label set must have.

        Raises:
            LabelError: it has not.
        """
        class_id = self.class_id(name)
        return self._labels.id_of(name) if class_id is None else class_id

    def is_sky(self) -> NDArray[np.bool_]:
        """Return where nothing has been drawn but the sky, [H, W]."""
        return np.isinf(self._depth)

    def number(self, *names: str) -> list[int]:
        """Return new instance numbers for parts of these classes: one for each class of things, 0 for others."""
        numbers: dict[int | None, int] = {}
        for class_id in map(self.class_id, names):
            if class_id not in numbers and class_id is not None and self._labels.instance_shares[class_id] > 0.0:
                self._things += 1
                numbers[class_id] = self._things
        return [numbers.get(self.class_id(name), 0) for name in names]

    def sky(self, color: Floats) -> None:
        """Fill the picture with sky, RGB [H, W, 3]."""
        self.image[:] = color
        self._ids[:] = self._labels.id_of("sky")

    def ground(self, painter: Callable[[Floats, Floats], tuple[Floats, NDArray[np.uint8]]]) -> None:
        """Draw the ground; the painter gets x and z of each pixel and returns its colour and class id."""
        first = int(np.searchsorted(self.down, 0.0, side="right"))
        window = (slice(first, None), slice(None))
        z = (np.float32(self.height_m) / self.down[first:])[:, None]
        color, ids = painter(self.right * z, z)
        self.image[window], self._ids[window], self._depth[window] = color, ids, z

    def shade(self, x: Range, z: Range, factor: float) -> None:
        """Darken the ground between those coordinates, before anything is put on it."""
        rows = self._rows(self.height_m / z[1], self.height_m / max(z[0], NEAR_M))
        at = np.float32(self.height_m) / self.down[rows, None] * self.right
        self.image[rows][(at > x[0]) & (at < x[1])] *= np.float32(factor)

    def facing(self, name: str, x: Range, y: Range, z: float, painter: Painter, instance: int = 0) -> None:
        """Draw a rectangle that faces the camera; the painter gets 0–1 from left to right and from the foot up."""
        if z < NEAR_M:
            return
        rows = self._rows((self.height_m - y[1]) / z, (self.height_m - y[0]) / z)
        columns = self._columns(x[0] / z, x[1] / z)
        across = (self.right[None, columns] * np.float32(z) - np.float32(x[0])) / np.float32(x[1] - x[0])
        up = (np.float32(self.height_m) - self.down[rows, None] * np.float32(z) - np.float32(y[0])) / np.float32(
            y[1] - y[0]
        )
        self._put(name, (rows, columns), np.float32(z), painter, (across, up), instance)

    def along(self, name: str, x: float, y: Range, z: Range, painter: Painter, instance: int = 0) -> None:
        """Draw a rectangle that runs along the road; the painter gets 0–1 from near to far and from the foot up."""
        near, far = max(z[0], NEAR_M), z[1]
        if far <= near or x == 0.0:
            return
        ends = sorted((x / near, x / far))
        columns = self._columns(ends[0], ends[1])
        extremes = [(self.height_m - height) / at for height in y for at in (near, far)]
        rows = self._rows(min(extremes), max(extremes))
        at = np.float32(x) / self.right[None, columns]
        up = (np.float32(self.height_m) - self.down[rows, None] * at - np.float32(y[0])) / np.float32(y[1] - y[0])
        self._put(name, (rows, columns), at, painter, ((at - np.float32(z[0])) / np.float32(z[1] - z[0]), up), instance)

    def sample(self, name: str, image: NDArray[np.uint8]) -> Sample:
        """Return the labels, geometry and things of the picture with its final colours, RGB [H, W, 3]."""
        length = optics.ray_length(self._depth, focal_px=self._focal, center_px=self._center)
        return Sample(name, image, self._ids, length, instances=self._instances)

    def _put(
        self,
        name: str,
        window: tuple[slice, slice],
        depth: Floats | np.float32,
        painter: Painter,
        place: tuple[Floats, Floats],
        instance: int,
    ) -> None:
        """Draw what of a surface nothing hides; of surfaces at one distance the later one is seen."""
        behind, class_id = self._depth[window], self.class_id(name)
        across, up = place
        seen = (up >= 0.0) & (up <= 1.0) & (across >= 0.0) & (across <= 1.0) & (depth <= behind)
        if class_id is None or not seen.any():
            return
        paint = painter(across, up)
        seen &= paint.mask
        np.copyto(self.image[window], paint.color, where=seen[..., None])
        np.copyto(behind, depth, where=seen)
        self._ids[window][seen] = class_id
        self._instances[window][seen] = instance

    def _rows(self, lowest: float, highest: float) -> slice:
        return _between(self.down, lowest, highest)

    def _columns(self, lowest: float, highest: float) -> slice:
        return _between(self.right, lowest, highest)


def _between(slopes: Floats, lowest: float, highest: float) -> slice:
    first, last = np.searchsorted(slopes, (lowest, highest))
    return slice(int(first), int(last) + 1)


def layers(*parts: tuple[NDArray[np.bool_], Floats]) -> Paint:
    """Return one paint of several, each hiding those before it."""
    shape = np.broadcast_shapes(*(mask.shape for mask, _ in parts))
    solid, color = np.zeros(shape, np.bool_), np.zeros((*shape, 3), np.float32)
    for mask, value in parts:
        solid |= mask
        np.copyto(color, value, where=mask[..., None])
    return Paint(solid, color)


def grain(x: Floats, y: Floats, *, offset: int = 0) -> Floats:
    """Return noise of mean 0 and deviation 1 at those coordinates, [h, w]; it changes over a distance of about 1."""
    tile = _tile()
    side = tile.shape[0]
    columns = x * np.float32(8.0) + np.float32(101 * offset % side)
    rows = y * np.float32(8.0) + np.float32(37 * offset % side)
    shape = np.broadcast_shapes(columns.shape, rows.shape)
    places = [np.ascontiguousarray(np.broadcast_to(at, shape), np.float32) for at in (columns, rows)]
    return cv2.remap(tile, places[0], places[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


@cache
def _tile() -> Floats:
    """Return noise that repeats without a seam: fine grain and blots of three sizes."""
    rng = np.random.default_rng(0)
    tile = np.zeros((512, 512), np.float32)
    for sigma in (0.0, 2.0, 8.0, 24.0):
        noise = rng.standard_normal((512, 512), np.float32)
        if sigma:
            wrapped = cv2.copyMakeBorder(noise, 96, 96, 96, 96, cv2.BORDER_WRAP)
            noise = cv2.GaussianBlur(wrapped, (0, 0), sigma)[96:-96, 96:-96]
        tile += noise / noise.std()
    return (tile / tile.std()).astype(np.float32)
