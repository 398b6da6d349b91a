"""Random views of a sample: scale, crop, mirror and light. Labels and geometry follow; labels are never blended."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.data.sample import Sample
from dfs_core.labels import UNLABELLED


@dataclass(frozen=True)
class View:
    """How samples are varied; every pair is (lowest, highest).

    Attributes:
        size: height and width of the crop, pixels.
        scale: factor on the size of the image before it is cropped.
        brightness: factor on all channels.
        contrast: factor on the distance from the mean.
        saturation: factor on the distance from grey.
        tint: factor on each channel alone.
    """

    size: tuple[int, int] = (320, 416)
    scale: tuple[float, float] = (0.75, 1.6)
    brightness: tuple[float, float] = (0.65, 1.3)
    contrast: tuple[float, float] = (0.75, 1.25)
    saturation: tuple[float, float] = (0.5, 1.4)
    tint: tuple[float, float] = (0.93, 1.07)

    def draw(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return a random view of the sample, of the size asked for; what lies outside the image is unlabelled."""
        return self.relight(self.crop(sample, rng), rng)

    def crop(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return a random part of the sample at a random scale, mirrored in half of the draws."""
        height, width = self.size
        source_height, source_width = sample.labels.shape
        scale = rng.uniform(*self.scale)
        taken = (min(round(height / scale), source_height), min(round(width / scale), source_width))
        top = int(rng.integers(source_height - taken[0] + 1))
        left = int(rng.integers(source_width - taken[1] + 1))
        window = (slice(top, top + taken[0]), slice(left, left + taken[1]))
        fitted = (min(round(taken[1] * scale), width), min(round(taken[0] * scale), height))
        shrinks = scale < 1.0
        image = cv2.resize(sample.image[window], fitted, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        labels = cv2.resize(sample.labels[window], fitted, interpolation=cv2.INTER_NEAREST)
        ray_length = cv2.resize(sample.ray_length[window], fitted, interpolation=cv2.INTER_NEAREST)
        if (fitted[1], fitted[0]) != self.size:
            below, right = height - fitted[1], width - fitted[0]
            image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REFLECT_101)
            labels = cv2.copyMakeBorder(labels, 0, below, 0, right, cv2.BORDER_CONSTANT, value=UNLABELLED)
            ray_length = cv2.copyMakeBorder(ray_length, 0, below, 0, right, cv2.BORDER_REFLECT_101)
        if rng.random() < 0.5:
            image, labels, ray_length = image[:, ::-1], labels[:, ::-1], ray_length[:, ::-1]
        return replace(
            sample,
            image=np.ascontiguousarray(image),
            labels=np.ascontiguousarray(labels),
            ray_length=np.ascontiguousarray(ray_length),
        )

    def relight(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return the sample under another light and through another camera."""
        image = sample.image.astype(np.float32)
        grey = image.mean(axis=2, keepdims=True)
        image = grey + (image - grey) * np.float32(rng.uniform(*self.saturation))
        mean = grey.mean()
        image = mean + (image - mean) * np.float32(rng.uniform(*self.contrast))
        gains = rng.uniform(*self.tint, 3) * rng.uniform(*self.brightness)
        return replace(sample, image=to_bytes(image * gains.astype(np.float32)))


def to_bytes(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the image clipped to 0–255 and rounded."""
    return np.rint(np.clip(image, 0.0, 255.0)).astype(np.uint8)
