"""Rows of figures from what was measured scene by scene, in memory that does not grow with the number of scenes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.data.sample import Sample
from dfs_core.evaluation.measure import Measured
from dfs_core.evaluation.results import CLEAR, EVERYTHING, HAZY, Row
from dfs_core.labels import LabelSet
from dfs_core.metrics.bootstrap import Bootstrap, interval
from dfs_core.metrics.image import HIGHEST_PSNR
from dfs_core.metrics.label_maps import map_psnr, map_ssim, poster_psnr, poster_ssim
from dfs_core.metrics.segmentation import FIGURES, class_ious, count, counts_size, figures
from dfs_core.offline import DEFAULT_GATE

IMAGE_FIGURES = ("psnr", "ssim")
MAP_FIGURES = ("map_psnr", "map_ssim", "poster_psnr", "poster_ssim")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Key:
    """What a row is about; `judge` is None where nobody judges."""

    beta: float | None
    part: str
    judge: str | None


class Tally:
    """What was measured, summed up.

    Add all of a scene in one fog at once: every row is then about the same scenes.
    """

    def __init__(self, labels: LabelSet | None, *, draws: int, seed: int) -> None:
        """Start with nothing.

        Args:
            labels: of the scenes; None if they have none, and then nobody judges.
            draws: of the bootstrap, for rows of all scenes; rows of one recording have no intervals.
            seed: of the bootstrap.
        """
        self._labels, self._draws, self._seed = labels, draws, seed
        self._images: dict[tuple[float | None, str, str], Bootstrap] = {}
        self._opinions: dict[tuple[Key, str], Bootstrap] = {}
        self._masks: dict[tuple[float | None, str, str], Floats] = {}
        self._estimates: dict[tuple[float | None, str, str], list[float]] = {}
        self._models: dict[str, None] = {}
        self._judges: dict[str | None, None] = {}

    def add(
        self, index: int, sample: Sample, part: str, beta: float | None, measured: Sequence[Measured]
    ) -> dict[str, float | None]:
        """Add one scene in one fog.

        Args:
            index: of the scene.
            sample: the scene.
            part: the recording that it belongs to.
            beta: the density of the fog, 1/m; None if it is not known.
            measured: what was found of each method, and of the clear scene.

        Returns:
            The mIoU of this scene alone, by model, if somebody judges: the first judge's.

        Raises:
            DatasetError: a mask has another size than the labels.
            LabelError: a mask holds an id that is no class.
        """
        vectors = [self._vectors(entry, sample) for entry in measured]  # all of it before any of it is added
        for entry, (image, opinions, own) in zip(measured, vectors, strict=True):
            self._models[entry.model] = None
            for name in dict.fromkeys((EVERYTHING, part)):
                key = beta, name, entry.model
                self._sums(self._images, key, name, image).add(index, image)
                if own is not None:
                    self._masks[key] = self._masks.get(key, 0.0) + own
                if entry.fog_density is not None:
                    self._estimates.setdefault(key, []).append(entry.fog_density)
                for judge, vector in opinions.items():
                    self._judges[judge] = None
                    self._sums(self._opinions, (Key(beta, name, judge), entry.model), name, vector).add(index, vector)
        return {
            entry.model: self._miou(next(iter(opinions.values())))
            for entry, (_, opinions, _) in zip(measured, vectors, strict=True)
            if opinions
        }

    def rows(self) -> list[Row]:
        """Return a row for each fog, part, judge and method, those of all scenes first."""
        betas = dict.fromkeys(beta for beta, _, _ in self._images)
        parts = sorted({part for _, part, _ in self._images} - {EVERYTHING})
        judges = list(self._judges) or [None]
        keys = [
            Key(beta, part, judge)
            for part in (EVERYTHING, *(parts if len(parts) > 1 else ()))
            for judge in judges
            for beta in betas
        ]
        return [row for key in keys for row in self._compared(key)]

    def _vectors(self, entry: Measured, sample: Sample) -> tuple[Floats, dict[str, Floats], Floats | None]:
        """Return what one method adds: for the images, for each judge, and for its own mask."""
        image = np.array([HIGHEST_PSNR if entry.psnr is None else entry.psnr, entry.ssim, 1.0])
        if self._labels is None:
            return image, {}, None
        truth = self._labels.colorize(sample.labels)
        opinions = {}
        for judge, opinion in entry.opinions.items():
            painting = self._labels.colorize(opinion.mask) if opinion.painting is None else opinion.painting
            maps = [measure(painting, truth) for measure in (map_psnr, map_ssim, poster_psnr, poster_ssim)]
            counts = count(opinion.mask, sample.labels, self._labels, sample.instances)
            opinions[judge] = np.concatenate([counts, maps, [1.0]])
        if entry.mask is None:
            return image, opinions, None
        height, width = sample.labels.shape
        own = cv2.resize(entry.mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        return image, opinions, count(own, sample.labels, self._labels, sample.instances)

    def _sums(self, sums: dict[Any, Bootstrap], key: Any, part: str, vector: Floats) -> Bootstrap:
        """Return where such vectors are summed up; only all scenes together are drawn anew."""
        if key not in sums:
            sums[key] = Bootstrap(len(vector), draws=self._draws if part == EVERYTHING else 0, seed=self._seed)
        return sums[key]

    def _compared(self, key: Key) -> Iterable[Row]:
        """Yield the row of each method, and what it won back between hazy and clear."""
        draws = {
            model: self._figures(key, model) for model in self._models if (key.beta, key.part, model) in self._images
        }
        for model, own in draws.items():
            place = key.beta, key.part, model
            estimates = self._estimates.get(place)
            row: Row = {
                "model": model,
                "beta": key.beta,
                "part": key.part,
                "judge": key.judge,
                "scenes": self._images[place].pictures,
                **{name: _number(values[0]) for name, values in own.items()},
                "own_mask_miou": self._own_miou(place),
                "fog_density": float(np.median(estimates)) if estimates else None,
                "gated": float(np.mean(np.array(estimates) < DEFAULT_GATE)) if estimates else None,
                "interval": {name: found for name, values in own.items() if (found := _interval(values))},
                "gap_closed": {},
                "gap_closed_interval": {},
                "gap_doubtful": [],
            }
            if model == CLEAR:
                row["psnr"] = None
                row["interval"].pop("psnr", None)
            elif model != HAZY:
                for name in (name for name in own if name != "psnr"):  # the clear scene's PSNR is infinite
                    closed = _gap_closed(own[name], draws[HAZY][name], draws[CLEAR][name])
                    row["gap_closed"][name] = _number(closed[0])
                    if _may_be_none(draws[CLEAR][name] - draws[HAZY][name]):
                        row["gap_doubtful"].append(name)
                    if found := _interval(closed):
                        row["gap_closed_interval"][name] = found
            if key.judge is not None:
                row["class_iou"] = self._class_ious(key, model)
            yield row

    def _figures(self, key: Key, model: str) -> dict[str, Floats]:
        """Return each figure, of all scenes and of every draw of them, [draws + 1]."""
        images = self._images[key.beta, key.part, model].sums
        found = dict(zip(IMAGE_FIGURES, _means(images), strict=True))
        if key.judge is None or self._labels is None:
            return found
        sums = self._opinions[key, model].sums
        size = counts_size(self._labels)
        by_name = figures(sums[:, :size], self._labels)
        return (
            found
            | {name: by_name[name] for name in FIGURES}
            | dict(zip(MAP_FIGURES, _means(sums[:, size:]), strict=True))
        )

    def _class_ious(self, key: Key, model: str) -> dict[str, float | None]:
        assert self._labels is not None  # noqa: S101 - there is a judge
        sums = self._opinions[key, model].sums[0, : counts_size(self._labels)]
        return dict(zip(self._labels.names, map(_number, class_ious(sums, self._labels)), strict=True))

    def _own_miou(self, place: tuple[float | None, str, str]) -> float | None:
        return self._miou(self._masks[place]) if place in self._masks else None

    def _miou(self, sums: Floats) -> float | None:
        """Return the mIoU of counts, with or without other sums behind them."""
        assert self._labels is not None  # noqa: S101 - without labels nothing is counted
        return _number(figures(sums[: counts_size(self._labels)], self._labels)["miou"])


def _means(sums: Floats) -> list[Floats]:
    """Return the mean of each column but the last, [rows] each; the last one counts the pictures."""
    with np.errstate(divide="ignore", invalid="ignore"):  # a draw of no picture at all
        return list((sums[:, :-1] / sums[:, -1:]).T)


def _gap_closed(dehazed: Floats, hazy: Floats, clear: Floats) -> Floats:
    """Return (dehazed - hazy) / (clear - hazy), [draws + 1]; not a number where fog costs nothing."""
    gap = clear - hazy
    return np.divide(dehazed - hazy, gap, out=np.full_like(gap, np.nan), where=gap > 0.0)


def _may_be_none(gap: Floats) -> bool:
    """Tell whether fog may cost nothing: whether the gap's interval holds 0, or the gap does not exist."""
    found = _interval(gap)
    return not gap[0] > 0.0 or (found is not None and found[0] <= 0.0)


def _interval(values: Floats) -> list[float] | None:
    found = interval(values) if len(values) > 1 else None
    return None if found is None else list(found)


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
