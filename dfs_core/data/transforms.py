"""Random views of a sample: scale, crop, mirror and light. All its planes follow; labels are never blended."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.data.sample import Sample
from dfs_core.errors import ConfigError
from dfs_core.labels import UNLABELLED

Planes = dict[str, Any]
"""Arrays [H, W, ...] by the attributes of a sample."""

Light = NDArray[np.float64]
"""A map of colours, [3, 4]: c, RGB in 0–255, becomes light · (c, 1)."""

WHITE_FROM = 235
"""Level from which on a channel of a picture is taken for clipped, more and more up to 255."""

_BLENDED = ("image", "hazy")
_OUTSIDE = {"labels": UNLABELLED, "instances": 0}


@dataclass(frozen=True)
class View:
    """How samples are varied; every pair is (lowest, highest).

    Attributes:
        size: height and width of the view, pixels.
        scale: factor on the size of the picture before it is cropped.
        whole: share of the views that show all of the picture, or as much of it as has the view's aspect ratio: what a
            network sees at work, while at another scale it sees a part; `scale` is then unused.
        brightness: factor on all channels.
        contrast: factor on the distance from the mean.
        saturation: factor on the distance from grey.
        tint: factor on each channel alone.
        keep_white: leave white what is white, as most skies are, under every light. The camera clipped it, so how dark
            a darker picture would show it nobody knows; whites that are grey by chance teach grey skies. It does
            nothing to pairs, whose fog would not fit any more.
        mirror: share of the views that are mirrored.
        squash: resize the whole picture to `size`, whatever its aspect ratio, as the paper did; `scale` is then unused.
    """

    size: tuple[int, int] = (320, 416)
    scale: tuple[float, float] = (0.75, 1.6)
    brightness: tuple[float, float] = (0.65, 1.3)
    contrast: tuple[float, float] = (0.75, 1.25)
    saturation: tuple[float, float] = (0.5, 1.4)
    tint: tuple[float, float] = (0.93, 1.07)
    keep_white: bool = False
    whole: float = 0.0
    mirror: float = 0.5
    squash: bool = False

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        for name in ("whole", "mirror"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"view.{name} must be in [0, 1], not {getattr(self, name)}")

    def draw(self, sample: Sample, rng: np.random.Generator) -> tuple[Sample, Light]:
        """Return a random view of the sample, of the size asked for, and the light that was put on it.

        What lies outside the picture is unlabelled.
        """
        part = self.crop(sample, rng)
        light = self.light(part, rng)
        if self.keep_white and part.hazy is None:
            return replace(part, image=_with_its_whites(recolored(part.image, light), part.image)), light
        return relit(part, light), light

    def fixed(self, sample: Sample) -> Sample:
        """Return the view without chance, for validation: the whole picture, squashed where training squashes."""
        return replace(sample, **_resized(sample.planes(), self.size)) if self.squash else sample

    def crop(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return a random part of the sample at a random scale, or all of it squashed; mirrored by chance."""
        planes = _resized(sample.planes(), self.size) if self.squash else self._part(sample.planes(), rng)
        if rng.random() < self.mirror:
            planes = {name: np.ascontiguousarray(plane[:, ::-1]) for name, plane in planes.items()}
        return replace(sample, **planes)

    def light(self, sample: Sample, rng: np.random.Generator) -> Light:
        """Return another light, and another camera, for a sample.

        It is one affine map of colours, so that hazy = clear · t + airlight · (1 - t) holds after it too.
        """
        saturation, contrast = rng.uniform(*self.saturation), rng.uniform(*self.contrast)
        gains = rng.uniform(*self.tint, 3) * rng.uniform(*self.brightness)
        mixture = saturation * np.eye(3) + (1.0 - saturation) / 3.0
        offset = (1.0 - contrast) * np.mean(cv2.mean(sample.image)[:3])
        light: Light = gains[:, None] * np.column_stack([contrast * mixture, np.full(3, offset)])
        return light

    def _part(self, planes: Planes, rng: np.random.Generator) -> Planes:
        """Return a random window of the planes, scaled and, where it is too small, filled up below and to the right."""
        height, width = self.size
        source_height, source_width = planes["image"].shape[:2]
        scale = rng.uniform(*self.scale)
        if self.whole and rng.random() < self.whole:
            scale = max(height / source_height, width / source_width)
        taken = (min(max(1, round(height / scale)), source_height), min(max(1, round(width / scale)), source_width))
        top = int(rng.integers(source_height - taken[0] + 1))
        left = int(rng.integers(source_width - taken[1] + 1))
        window = (slice(top, top + taken[0]), slice(left, left + taken[1]))
        fitted = (min(max(1, round(taken[0] * scale)), height), min(max(1, round(taken[1] * scale)), width))
        planes = _resized({name: plane[window] for name, plane in planes.items()}, fitted)
        if fitted == self.size:
            return planes
        return {name: _filled_up(name, plane, self.size) for name, plane in planes.items()}


def relit(sample: Sample, light: Light) -> Sample:
    """Return the sample under a light; a pair stays a pair."""
    hazy = None if sample.hazy is None else recolored(sample.hazy, light)
    return replace(sample, image=recolored(sample.image, light), hazy=hazy)


def recolored(image: NDArray[np.uint8], light: Light) -> NDArray[np.uint8]:
    """Return the image, RGB uint8 [H, W, 3], under a light."""
    return to_bytes(cv2.transform(image.astype(np.float32), light.astype(np.float32)))


def to_bytes(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the image clipped to 0–255 and rounded."""
    return np.rint(np.clip(image, 0.0, 255.0)).astype(np.uint8)


def _with_its_whites(image: NDArray[np.uint8], original: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the image, white where the original is clipped."""
    levels = np.clip((np.arange(256, dtype=np.float32) - WHITE_FROM) / (255 - WHITE_FROM), 0.0, 1.0)
    clipped = cv2.LUT(original, levels)
    return to_bytes(image + clipped * (np.float32(255.0) - image))


def _resized(planes: Planes, size: tuple[int, int]) -> Planes:
    """Return the planes at another size: pictures blended, all else by nearest neighbour."""
    height, width = planes["image"].shape[:2]
    shrinks = size[0] * size[1] < height * width
    blended = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR

    def resize(name: str, plane: NDArray[Any]) -> NDArray[Any]:
        how = blended if name in _BLENDED else cv2.INTER_NEAREST_EXACT
        return cv2.resize(plane, (size[1], size[0]), interpolation=how)

    return {name: resize(name, plane) for name, plane in planes.items()}


def _filled_up(name: str, plane: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    below, right = size[0] - plane.shape[0], size[1] - plane.shape[1]
    if name in _OUTSIDE:
        return cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_CONSTANT, value=_OUTSIDE[name])
    return cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REFLECT_101)
