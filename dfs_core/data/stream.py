"""An endless, repeatable stream of training items: item i is the same whenever and by whomever it is asked for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from dfs_core.data.fog import FogRange, apply_fog
from dfs_core.data.sample import Sample
from dfs_core.data.transforms import View

Item = dict[str, Any]


@dataclass(frozen=True)
class Stream(Dataset[Item]):
    """Random views of samples, in fog where a range of fogs is given.

    Every epoch visits each sample once, in an order of its own. All randomness of item i comes from (seed, i), so a run
    that stops at i goes on from i.

    Attributes:
        samples: the clear scenes.
        view: how they are varied.
        length: number of items, over all epochs.
        seed: of all randomness.
        fog: where fogs are drawn from; None leaves the scenes clear.
        depth_error: standard deviation of the logarithm of a factor on all distances of an item: geometry is a guess.
    """

    samples: Sequence[Sample]
    view: View
    length: int
    seed: int
    fog: FogRange | None = None
    depth_error: float = 0.4

    def __len__(self) -> int:
        """Return the number of items."""
        return self.length

    def __getitem__(self, index: int) -> Item:
        """Return item `index`.

        Keys: `clear` uint8 [3, H, W], `labels` int64 [H, W], `name`; with fog also `hazy` uint8 [3, H, W],
        `transmission` float32 [1, H, W], `airlight` float32 [3] and `attenuation` float32 [].
        """
        epoch, place = divmod(index, len(self.samples))
        order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.samples))
        rng = np.random.default_rng([self.seed, 1, index])
        sample = self.view.draw(self.samples[order[place]], rng)
        if self.fog is None:
            return {"clear": _planes(sample.image), "labels": _labels(sample), "name": sample.name}
        stretch = math.exp(self.depth_error * rng.standard_normal())
        sample = replace(sample, ray_length=sample.ray_length * np.float32(stretch))
        fog = self.fog.draw(rng)
        scene = apply_fog(sample.image, sample.ray_length, fog, rng)
        airlight = np.power(np.asarray(fog.airlight, np.float32), np.float32(fog.gamma))
        return {
            "hazy": _planes(scene.hazy),
            "clear": _planes(scene.clear),
            "labels": _labels(sample),
            "transmission": torch.from_numpy(scene.transmission)[None],
            "airlight": torch.from_numpy(airlight),
            "attenuation": torch.tensor(fog.attenuation, dtype=torch.float32),
            "name": sample.name,
        }


def _planes(image: np.ndarray[Any, np.dtype[np.uint8]]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _labels(sample: Sample) -> torch.Tensor:
    return torch.from_numpy(sample.labels).long()
