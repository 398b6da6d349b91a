"""Rows of figures from what was examined frame by frame, in memory that does not grow with the number of frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfs_core.evaluation.measure import Bench, Examined
from dfs_core.evaluation.results import EVERYTHING, Row
from dfs_core.metrics.bootstrap import DRAWS, Bootstrap, interval
from dfs_core.metrics.flicker import Steadiness

FIGURES = (
    "contrast",
    "edges_before",
    "edges_after",
    "gradient_gain",
    "fog_density",
    "blackened",
    "blown",
    "cast",
    "reversed",
    "confidence",
)
"""What is known of one frame; flicker is known of two."""

Floats = NDArray[np.float64]
_Place = tuple[str, str, str]
"""Part, method, judge."""


@dataclass
class _Sum:
    total: float = 0.0
    number: int = 0

    def add(self, value: float | None) -> None:
        """Add a value, if there is one."""
        if value is not None:
            self.total += value
            self.number += 1

    @property
    def mean(self) -> float | None:
        return self.total / self.number if self.number else None


class NoReferenceTally:
    """What was examined, summed up.

    Add all of a frame at once: every row is then about the same frames.

    Attributes:
        compared: pairs of frames whose flicker went into the rows.
        skipped: pairs whose did not, as their motion could not be found.
    """

    def __init__(self, *, seed: int) -> None:
        """Start with nothing.

        Args:
            seed: of the bootstrap, for rows of all frames; rows of one video have no intervals.
        """
        self._seed = seed
        self._sums: dict[_Place, Bootstrap] = {}
        self._flicker: dict[tuple[str, str], tuple[_Sum, _Sum]] = {}
        self.compared, self.skipped = 0, 0

    def add(
        self, index: int, part: str, examined: Sequence[Examined], steadiness: Mapping[str, Steadiness] | None
    ) -> None:
        """Add the figures of one frame; those that are not defined for it count for nobody.

        Args:
            index: of the frame.
            part: the video that it belongs to, or what else has a row of its own.
            examined: what was found of each method.
            steadiness: how each method kept since the frame before, by name; {} if that pair is skipped, None if there
                is no pair.
        """
        for entry in examined:
            for judge, opinion in entry.opinions.items():
                vector = _vector({**entry.figures, "confidence": opinion.confidence})
                for name in (EVERYTHING, part):
                    self._sums_of((name, entry.model, judge), len(vector)).add(index, vector)
        if steadiness is None:
            return
        self.compared += bool(steadiness)
        self.skipped += not steadiness
        for model, found in steadiness.items():
            for name in (EVERYTHING, part):
                flicker, relative = self._flicker.setdefault((name, model), (_Sum(), _Sum()))
                flicker.add(found.flicker)
                relative.add(found.relative)

    def rows(self, bench: Bench) -> list[Row]:
        """Return a row for each part, judge and method, those of all frames first."""
        parts = sorted({part for part, _, _ in self._sums} - {EVERYTHING})
        places = [
            (part, method.name, judge.name)
            for part in (EVERYTHING, *(parts if len(parts) > 1 else ()))
            for judge in bench.judges
            for method in bench.methods
        ]
        return [self._row(place) for place in places if place in self._sums]

    def _sums_of(self, place: _Place, size: int) -> Bootstrap:
        """Return where such vectors are summed up; only all frames together are drawn anew."""
        if place not in self._sums:
            draws = DRAWS if place[0] == EVERYTHING else 0
            self._sums[place] = Bootstrap(size, draws=draws, seed=self._seed)
        return self._sums[place]

    def _row(self, place: _Place) -> Row:
        part, model, judge = place
        sums = self._sums[place]
        values, counts = np.split(sums.sums, 2, axis=1)
        means = np.divide(values, counts, out=np.full_like(values, np.nan), where=counts > 0.0)
        by_name = dict(zip(FIGURES, means.T, strict=True))
        by_name["new_edges"] = _growth(by_name.pop("edges_before"), by_name["edges_after"])
        by_name["gradient_gain"] = np.exp(by_name["gradient_gain"])
        intervals = {name: interval(draws) for name, draws in by_name.items()} if len(means) > 1 else {}
        flicker, relative = self._flicker.get((part, model), (_Sum(), _Sum()))
        return {
            "model": model,
            "beta": None,
            "part": part,
            "judge": judge,
            "scenes": sums.pictures,
            **{name: None if np.isnan(draws[0]) else float(draws[0]) for name, draws in by_name.items()},
            "flicker": flicker.mean,
            "flicker_relative": relative.mean,
            "interval": {name: list(found) for name, found in intervals.items() if found is not None},
        }


def _vector(figures: Mapping[str, float | None]) -> Floats:
    """Return each figure and 1 if it is defined, else 0 and 0; of a ratio, its logarithm."""
    values = np.array([np.nan if figures[name] is None else figures[name] for name in FIGURES], np.float64)
    values[FIGURES.index("gradient_gain")] = np.log(values[FIGURES.index("gradient_gain")])
    defined = np.isfinite(values)
    return np.concatenate([np.where(defined, values, 0.0), defined])


def _growth(before: Floats, after: Floats) -> Floats:
    """Return (after - before) / before, [draws + 1]; not a number where nothing was visible before."""
    return np.divide(after - before, before, out=np.full_like(before, np.nan), where=before > 0.0)
