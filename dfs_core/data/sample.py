"""One item of a dataset, whatever its layout on disk."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import DatasetError


@dataclass(frozen=True)
class Sample:
    """A driving scene without fog, and what is needed to put fog into it.

    Attributes:
        name: where it comes from, unique in its dataset.
        image: RGB, uint8 [H, W, 3].
        labels: class ids, uint8 [H, W]; 255 is unlabelled.
        ray_length: metres from camera to surface along each ray, float32 [H, W]; infinity for sky.
    """

    name: str
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    ray_length: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Refuse parts of different sizes."""
        if not self.image.shape[:2] == self.labels.shape == self.ray_length.shape:
            raise DatasetError(
                f"{self.name}: image {list(self.image.shape[:2])}, labels {list(self.labels.shape)} and "
                f"ray length {list(self.ray_length.shape)} must have the same height and width"
            )
