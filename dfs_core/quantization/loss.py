"""What quantisation loses: the quantised file beside the one that it was made from, on the same frames."""

import math
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import ConfigError
from dfs_core.evaluation.dataset import FoggyScenes
from dfs_core.labels import LabelSet
from dfs_core.metrics.image import HIGHEST_PSNR, psnr
from dfs_core.metrics.segmentation import confusion, mean_iou
from dfs_core.runtime import Dehazer, load

Image = NDArray[np.uint8]
Advance = Callable[[], None]


@dataclass(frozen=True)
class Bounds:
    """What may be lost; a file that loses more is not written.

    Attributes:
        frames: PSNR between the dehazed frames of both files, dB, at least. At 40 they differ by 2.5 levels of 255.
        labels: share of the pixels that get another label, percent, at most.
        density: mean deviation of the fog density β, percent, at most: the gate decides by it.
        psnr: PSNR to the clear frames that is lost, dB, at most.
        miou: mIoU of the mask that is lost, points, at most.
    """

    frames: float = 40.0
    labels: float = 3.0
    density: float = 5.0
    psnr: float = 0.2
    miou: float = 1.0


NAMES = tuple(entry.name for entry in fields(Bounds))


@dataclass(frozen=True)
class Row:
    """One line of the report.

    Attributes:
        figure: what was measured.
        where: the backend or the data that it was measured on.
        original: of the float file; None where the figure compares the two.
        quantised: of the quantised file, or of the comparison.
        lost: what the bound is held against.
        bound: the bound's name, one of `NAMES`.
        unit: of all of these.
    """

    figure: str
    where: str
    original: float | None
    quantised: float
    lost: float
    bound: str
    unit: str


def parse_bounds(words: Iterable[str]) -> Bounds:
    """Return the bounds that a user gave as NAME=NUMBER; the others as they are by default.

    Raises:
        ConfigError: there is no such bound, or it is no number.
    """
    given = {}
    for word in words:
        name, _, value = word.partition("=")
        try:
            given[name] = float(value)
        except ValueError:
            given[name] = math.nan
        if name not in NAMES or math.isnan(given[name]):
            raise ConfigError(
                f"--max-loss {word}: must be NAME=NUMBER with one of {', '.join(NAMES)}, such as labels=2"
            )
    return Bounds(**given)


def exceeds(row: Row, bounds: Bounds) -> bool:
    """Return whether a figure is worse than its bound."""
    bound = float(getattr(bounds, row.bound))
    return not (row.lost >= bound if row.bound == "frames" else row.lost <= bound)


def compare(before: Path, after: Path, frames: Iterable[Image], *, backend: str, advance: Advance) -> list[Row]:
    """Return how the answers of two files differ.

    Args:
        before: the float file.
        after: the quantised one.
        frames: RGB uint8 [H, W, 3].
        backend: which one runs both.
        advance: called after each frame.

    Raises:
        BackendError: the backend cannot run one of them.
    """
    psnrs, labels, densities = [], [], []
    with ExitStack() as stack:
        first, second = (stack.enter_context(load(path, backend)) for path in (before, after))
        for frame in frames:
            expected, found = _ask(first, frame), _ask(second, frame)
            psnrs.append(min(psnr(found.dehazed, expected.dehazed), HIGHEST_PSNR))
            labels.append(100.0 * float(np.mean(found.mask != expected.mask)))
            densities.append(100.0 * abs(found.fog_density / expected.fog_density - 1.0))
            advance()
    return [
        Row(figure, backend, None, value, value, bound, unit)
        for figure, value, bound, unit in (
            ("PSNR between both", fmean(psnrs), "frames", "dB"),
            ("labels changed", fmean(labels), "labels", "%"),
            ("fog density changed", fmean(densities), "density", "%"),
        )
    ]


def compare_with_truth(before: Path, after: Path, scenes: FoggyScenes, *, backend: str, advance: Advance) -> list[Row]:
    """Return how near two files come to scenes without fog and, where these have labels, to the labels.

    Args:
        before: the float file.
        after: the quantised one.
        scenes: each is looked at in all of its fogs.
        backend: which one runs both.
        advance: called after each scene in each fog.

    Raises:
        BackendError: the backend cannot run one of them.
        DatasetError: a scene is damaged.
    """
    with ExitStack() as stack:
        models = [stack.enter_context(load(path, backend)) for path in (before, after)]
        known = models[0].artifact.labels
        labels = known if scenes.labels is not None and scenes.labels.names == known.names else None
        scores = [_Score(labels) for _ in models]
        for scene in (scenes[index] for index in range(len(scenes))):
            for beta in scenes.densities:
                hazy = scenes.hazy(scene, beta)
                for model, score in zip(models, scores, strict=True):
                    score.add(_ask(model, hazy), scene.sample.image, scene.sample.labels)
                advance()
    pairs = [("PSNR to clear", "psnr", "dB", [score.psnr for score in scores])]
    if labels is not None:
        pairs.append(("mIoU of mask", "miou", "points", [100.0 * score.miou for score in scores]))
    return [
        Row(figure, scenes.name, first, second, first - second, bound, unit)
        for figure, bound, unit, (first, second) in pairs
    ]


class _Answer(NamedTuple):
    """Dehazed frame [H, W, 3], mask [h, w] and β of one frame."""

    dehazed: Image
    mask: Image
    fog_density: float


class _Score:
    """Adds up how near one file comes to the truth."""

    def __init__(self, labels: LabelSet | None) -> None:
        self._labels = labels
        self._psnrs: list[float] = []
        self._matrix = np.zeros((len(labels), len(labels)), np.int64) if labels is not None else None

    def add(self, answer: _Answer, clear: Image, labels: Image) -> None:
        """Take note of one frame, whose truth has the same size."""
        self._psnrs.append(min(psnr(answer.dehazed, clear), HIGHEST_PSNR))
        if self._matrix is not None:
            size = labels.shape[1], labels.shape[0]
            mask = cv2.resize(answer.mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
            self._matrix += confusion(mask, labels, len(self._matrix))

    @property
    def psnr(self) -> float:
        return fmean(self._psnrs)

    @property
    def miou(self) -> float:
        assert self._matrix is not None  # noqa: S101 - only asked where there are labels
        return mean_iou(self._matrix)


def _ask(model: Dehazer, frame: Image) -> _Answer:
    result = model(frame[np.newaxis])
    assert result.dehazed is not None  # noqa: S101 (for the type checker: both were asked for)
    assert result.mask is not None  # noqa: S101
    return _Answer(result.dehazed[0], result.mask[0], float(result.fog_density[0]))
