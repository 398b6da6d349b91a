"""An endless, repeatable stream of training items: item i is the same whenever and by whomever it is asked for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from dfs_core.data.airlight import estimate_airlight
from dfs_core.data.fog import Fog, FogRange, apply_fog
from dfs_core.data.instances import instance_shares, instance_weights
from dfs_core.data.sample import Sample, Split
from dfs_core.data.transforms import Light, View, recolored
from dfs_core.errors import DatasetError
from dfs_core.labels import LabelSet

Item = dict[str, Any]


@dataclass(frozen=True)
class Stream(Dataset[Item]):
    """Random views of samples, in fog where a range of fogs is given.

    Every epoch visits each sample once, in an order of its own. All randomness of item i comes from (seed, i), so a run
    that stops at i goes on from i.

    Attributes:
        samples: the scenes; all have the same planes.
        view: how they are varied.
        length: number of items, over all epochs.
        seed: of all randomness.
        fog: where fogs are drawn from, for scenes with geometry; scenes that come in fog of their own keep it. None
            gives clear scenes only.
        depth_error: standard deviation of the logarithm of a factor on all distances of an item: geometry is a guess.
        instance_weights: whether items say how much each pixel counts in iIoU; the samples are then a `Split` with
            labels and instances.
    """

    samples: Sequence[Sample]
    view: View
    length: int
    seed: int
    fog: FogRange | None = None
    depth_error: float = 0.4
    instance_weights: bool = False

    def __len__(self) -> int:
        """Return the number of items."""
        return self.length

    def __getitem__(self, index: int) -> Item:
        """Return item `index`.

        Keys: `clear` uint8 [3, H, W], `labels` int64 [H, W], `name`. With fog also `hazy` uint8 [3, H, W]; if the fog
        was put in here, `transmission` float32 [1, H, W], `airlight` float32 [3], `glow` float32 [1, H, W], a factor on
        the airlight, and `attenuation` float32 []; if it came with the samples, `attenuation` where they state it. With
        instance weights `instance_weights` float32 [H, W].

        Raises:
            DatasetError: the sample has neither fog nor geometry to put it in, has no instances though they are asked
                for, or has other parts than the first one.
        """
        epoch, place = divmod(index, len(self.samples))
        order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.samples))
        rng = np.random.default_rng([self.seed, 1, index])
        whole = self.samples[order[place]]
        self._check(whole)
        sample, light = self.view.draw(whole, rng)
        item: Item = {"labels": torch.from_numpy(sample.labels).long(), "name": sample.name}
        if self.instance_weights:
            item["instance_weights"] = torch.from_numpy(_weights(whole, sample, self._label_set))
        if self.fog is None or sample.hazy is not None:
            return item | _as_it_came(sample, hazy=self.fog is not None)
        stretch = math.exp(self.depth_error * rng.standard_normal())
        fog = self.fog.draw(rng)
        if self.fog.airlight_from_scene:
            fog = replace(fog, airlight=_under(light, estimate_airlight(whole.image)))
        return item | _in_fog(sample, fog, rng, stretch=stretch)

    @cached_property
    def _first(self) -> Sample:
        return self.samples[0]

    @cached_property
    def _label_set(self) -> LabelSet:
        if not isinstance(self.samples, Split) or self.samples.labels is None:
            raise DatasetError(
                "instance weights were asked for, but the samples have no label set; L_seg's 'iiou' needs labelled data"
            )
        return self.samples.labels

    def _check(self, sample: Sample) -> None:
        """Refuse a sample that cannot give the item that was asked for, or whose item cannot be in one batch."""
        if self.fog is not None and sample.hazy is None and sample.ray_length is None:
            raise DatasetError(
                f"{sample.name}: has neither a hazy picture nor geometry to put fog in, so no dehazer can learn from "
                "it; use a dataset that has one of them"
            )
        if self.instance_weights and sample.instances is None:
            raise DatasetError(
                f"{sample.name}: has no instances, which instance weights are made of; train without 'iiou' or use a "
                "dataset that has them"
            )
        if self.fog is not None and (found := _fog_of(sample)) != (expected := _fog_of(self._first)):
            raise DatasetError(
                f"{sample.name}: has {found}, but the first sample, {self._first.name}, has {expected}; "
                "all samples of a dataset must be alike"
            )


def _as_it_came(sample: Sample, *, hazy: bool) -> Item:
    """Return the clear picture and, if asked for, the hazy one and what is known of its fog."""
    item: Item = {"clear": _picture(sample.image)}
    if hazy and sample.hazy is not None:
        item["hazy"] = _picture(sample.hazy)
        if sample.attenuation is not None:
            item["attenuation"] = torch.tensor(sample.attenuation, dtype=torch.float32)
    return item


def _in_fog(sample: Sample, fog: Fog, rng: np.random.Generator, *, stretch: float) -> Item:
    """Return the pictures of a scene in fog, and the fog; all distances are `stretch` times as long."""
    assert sample.ray_length is not None  # noqa: S101 - checked when the sample was read
    scene = apply_fog(sample.image, sample.ray_length * np.float32(stretch), fog, rng)
    airlight = np.minimum(fog.seen(np.asarray(fog.airlight, np.float32)), 1.0)
    return {
        "hazy": _picture(scene.hazy),
        "clear": _picture(scene.clear),
        "transmission": torch.from_numpy(scene.transmission)[None],
        "airlight": torch.from_numpy(airlight),
        "glow": torch.from_numpy(np.power(scene.glow, np.float32(fog.gamma)))[None],
        "attenuation": torch.tensor(fog.attenuation, dtype=torch.float32),
    }


def _under(light: Light, color: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return a colour, RGB in [0, 1], as it is under a light."""
    pixel = np.rint(255.0 * np.array([[color]])).astype(np.uint8)
    red, green, blue = (recolored(pixel, light)[0, 0] / 255.0).tolist()
    return red, green, blue


def _fog_of(sample: Sample) -> str:
    if sample.hazy is None:
        return "geometry and no hazy picture"
    return f"a hazy picture {'without' if sample.attenuation is None else 'with'} its attenuation"


def _weights(whole: Sample, part: Sample, label_set: LabelSet) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the weights of a view's pixels, which depend on how large each thing is in the whole picture."""
    assert whole.instances is not None and part.instances is not None  # noqa: S101, PT018 - checked when read
    return instance_weights(part.labels, part.instances, label_set, shares=instance_shares(whole.instances))


def _picture(image: np.ndarray[Any, np.dtype[np.uint8]]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
