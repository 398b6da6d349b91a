"""What both tasks do with samples: open them, choose some, and bring them into the form that networks take."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import nn
from torch.utils.data import Dataset

from dfs_core.data.airlight import estimate_airlight
from dfs_core.data.cache import Cached
from dfs_core.data.catalog import open_split
from dfs_core.data.fog import Fog, apply_fog
from dfs_core.data.sample import Sample, Split
from dfs_core.data.transforms import View
from dfs_core.errors import ConfigError
from dfs_core.labels import LabelSet
from dfs_core.training.config import TrainingConfig
from dfs_core.training.task import Batch, Picture

CACHE_BYTES = 4 << 30
"""Splits up to this size are kept in memory."""


def open_samples(config: TrainingConfig) -> tuple[Split, list[Sample]]:
    """Return the training split, and the samples that are validated on, as validation looks at them.

    Raises:
        DatasetError: a folder or a file is missing or damaged, or a split is empty.
    """
    training = open_split(config.data, config.data.train)
    if config.view.squash:  # what is squashed is small, so that far more of it fits into memory
        training = _Fixed(training, config.view)
    training = Cached(training, CACHE_BYTES, watch=_watch)
    validation = open_split(config.data, config.data.validation)
    chosen = sorted(spread(len(validation), config.validation_samples or len(validation)))
    return training, [config.view.fixed(validation[index]) for index in chosen]


class _Fixed(Split):
    """A split as validation looks at it."""

    def __init__(self, split: Split, view: View) -> None:
        self.labels = split.labels
        self._split, self._view = split, view

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        return self._view.fixed(self._split[index])


def in_fogs(sample: Sample, number: int, config: TrainingConfig) -> Iterator[tuple[str, Picture]]:
    """Yield a validation sample in the fog that it came in, or in fogs of several densities, with a suffix for each.

    Args:
        sample: with a hazy picture or with geometry.
        number: of the sample; the same number has the same fogs.
        config: names the densities, and whether the airlight is the scene's own.
    """
    if sample.hazy is not None:
        yield "", sample.hazy
        return
    assert sample.ray_length is not None  # noqa: S101 - the stream has refused data without both
    airlight = estimate_airlight(sample.image) if config.fog.airlight_from_scene else Fog.airlight
    for attenuation in config.validation_attenuation:
        rng = np.random.default_rng([7, number])
        yield f"@{attenuation}", apply_fog(sample.image, sample.ray_length, Fog(attenuation, airlight), rng).hazy


def _watch(samples: Iterable[Sample], count: int) -> Iterable[Sample]:
    """Show how far the reading of a split is, to whoever watches."""
    console = Console(stderr=True)
    return track(
        samples, "reading the training data", count, console=console, transient=True, disable=not console.is_terminal
    )


def spread(length: int, count: int) -> set[int]:
    """Return `count` indices, or all, evenly spread over a sequence of that length."""
    return set(np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist())


def unit(planes: torch.Tensor) -> torch.Tensor:
    """Return uint8 planes as floats in [0, 1]."""
    return planes.float() / 255.0


def class_colors(labels: LabelSet, device: torch.device) -> torch.Tensor:
    """Return the colour of each class, RGB in [-1, 1], [classes, 3]."""
    colors = torch.from_numpy(labels.palette[: len(labels)].astype(np.float32))
    return (colors / 127.5 - 1.0).to(device)


def check_items(stream: Dataset[Batch]) -> None:
    """Draw one item, so that data that cannot give what is trained on is refused before any worker is started.

    Raises:
        DatasetError: it lacks fog, geometry or instances that are asked for.
    """
    stream[0]


def check_stride(network: nn.Module, config: TrainingConfig) -> None:
    """Refuse views that the network cannot take.

    Raises:
        ConfigError: a side is no multiple of the network's stride.
    """
    stride = getattr(network, "stride", 16)
    if any(side % stride for side in config.view.size):
        raise ConfigError(
            f"view.size must be multiples of {stride}, the stride of '{config.model}', not {list(config.view.size)}"
        )
