"""One item of a dataset, whatever its layout on disk."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import DatasetError
from dfs_core.labels import LabelSet


@dataclass(frozen=True)
class Sample:
    """A scene without fog, and what is known of it: its labels, its geometry, the same scene in fog.

    What a dataset does not have is None. A sample with `hazy` is used as the pair that it is; one with `ray_length` and
    no `hazy` is put into fog when it is drawn.

    Attributes:
        name: where it comes from, unique in its dataset.
        image: the scene without fog, RGB, uint8 [H, W, 3].
        labels: class ids, uint8 [H, W]; 255 is unlabelled.
        ray_length: metres from camera to surface along each ray, float32 [H, W]; infinity for sky.
        hazy: the same scene in fog, RGB, uint8 [H, W, 3].
        attenuation: β of that fog in 1/m, where the dataset states it.
        instances: a number for each thing, int32 [H, W]; 0 is no thing. Numbers mean nothing else.
    """

    name: str
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    ray_length: NDArray[np.float32] | None = None
    hazy: NDArray[np.uint8] | None = None
    attenuation: float | None = None
    instances: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        """Refuse parts of different sizes."""
        sizes = {name: list(plane.shape[:2]) for name, plane in self.planes().items()}
        if len({tuple(size) for size in sizes.values()}) > 1:
            found = ", ".join(f"{name.replace('_', ' ')} {size}" for name, size in sizes.items())
            raise DatasetError(f"{self.name}: {found} must have the same height and width")

    def planes(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that the sample has, by the names of its attributes."""
        names = ("image", "labels", "ray_length", "hazy", "instances")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Split(Sequence[Sample]):
    """One split of a dataset: samples in a fixed order, read from disk when they are asked for.

    Attributes:
        labels: what the ids in the samples' labels mean; None where the dataset has no labels.
    """

    labels: LabelSet | None

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        """Read one sample.

        Raises:
            DatasetError: one of its files is damaged, or does not hold what it should.
        """
