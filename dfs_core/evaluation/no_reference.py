"""Evaluate where the truth is not known: frames before and after, and the worst of them to look at."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import DfsError, OutputError
from dfs_core.evaluation.columns import NO_REFERENCE
from dfs_core.evaluation.dataset import EVERYTHING
from dfs_core.evaluation.measure import Bench, Examined
from dfs_core.evaluation.methods.method import Image, Method
from dfs_core.evaluation.photographs import Photograph, Photographs
from dfs_core.evaluation.pictures import encode_mask, encode_photograph
from dfs_core.evaluation.reference import MASK
from dfs_core.evaluation.results import Frame, Results, Row
from dfs_core.evaluation.tally import HAZY
from dfs_core.labels import LabelSet
from dfs_core.metrics.bootstrap import DRAWS, Bootstrap, interval
from dfs_core.metrics.flicker import INPUT, Flicker, Steadiness
from dfs_core.read_ahead import read_ahead

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

_BELOW = {"e": "new_edges", "r": "gradient_gain", "β left, 1/m": "fog_density", "cast, ΔE": "cast"}
_NOTES = (
    "Nothing here says that a picture is right: noise and halos make edges, too. Look at the frames.",
    "β left is what the shipped model says of each result; of its own results it may say what it was trained to.",
    "Confidence is no accuracy: judges can be sure of what is not there.",
    "Flicker of a result of twice the contrast is twice as high; the last column takes that out.",
)

Floats = NDArray[np.float64]
_Place = tuple[str, str, str | None]
"""Part, method, judge."""


@dataclass
class _Findings:
    sums: dict[_Place, Bootstrap] = field(default_factory=dict)
    steadiness: dict[str, tuple[int, dict[str, Steadiness]]] = field(default_factory=dict)
    worst: list[tuple[float, int, Frame]] = field(default_factory=list)
    skipped: int = 0
    problems: list[str] = field(default_factory=list)
    first: Image | None = None


def evaluate_without_reference(
    photographs: Photographs,
    bench: Bench,
    estimator: Method,
    *,
    models: Sequence[str],
    pictures: int,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> Results:
    """Examine all frames, and show the worst.

    Args:
        photographs: what to look at.
        bench: whom to ask.
        estimator: a DFS model that says how much fog is left.
        models: names of the methods that the evaluation is about; the others are there for comparison.
        pictures: how many frames to show.
        seed: of the bootstrap.
        advance: called after each frame.
    """
    findings = _Findings()
    flicker: tuple[str | None, Flicker] = None, Flicker()
    for index, photograph in enumerate(read_ahead(photographs, size=lambda item: item.frame.nbytes)):
        try:
            examined = bench.examine(photograph.frame, estimator)
            if photograph.video != flicker[0]:
                _keep_steadiness(findings, *flicker)
                flicker = photograph.video, Flicker()
            if photograph.video is not None:
                outputs = {entry.model: entry.dehazed() for entry in examined if entry.model != HAZY}
                flicker[1].add(photograph.frame, outputs)
            _add(findings, index, photograph, examined, seed)
            _remember(findings, index, photograph, bench, examined, models, pictures)
        except OutputError:  # of the cache: all frames would be left out
            raise
        except DfsError as error:
            findings.problems.append(f"{photograph.name}: left out ({error})")
        advance()
    _keep_steadiness(findings, *flicker)
    rows = _rows(findings, bench)
    judges = "; ".join(f"{judge.name} ({judge.source})" for judge in bench.judges)
    return Results(
        title=f"Dehazing of {photographs.source.resolve().name}, without ground truth",
        facts={
            "data": str(photographs),
            "judges": judges,
            "fog is estimated by": estimator.source,
            **_pairs(findings),
        },
        methods=[] if findings.first is None else bench.costs(findings.first, findings.problems),
        columns=[column for column in NO_REFERENCE if any(row.get(column.key) is not None for row in rows)],
        rows=rows,
        frames=[frame for _, _, frame in sorted(findings.worst, key=lambda entry: -entry[0])],
        labels=bench.judges[0].labels,
        notes=_NOTES,
        problems=[*photographs.problems, *findings.problems],
    )


def _pairs(findings: _Findings) -> dict[str, str]:
    """Return how much flicker was asked of, where there are videos."""
    if not findings.steadiness:
        return {}
    compared = sum(pairs for pairs, _ in findings.steadiness.values())
    return {"flicker": f"of {compared} pairs of frames; {findings.skipped} skipped, as their motion cannot be found"}


def _add(findings: _Findings, index: int, photograph: Photograph, examined: Sequence[Examined], seed: int) -> None:
    """Add the figures of one frame; those that are not defined for it count for nobody."""
    findings.first = photograph.frame if findings.first is None else findings.first
    for entry in examined:
        for judge, opinion in entry.opinions.items():
            figures = {**entry.figures, "confidence": opinion.confidence}
            vector = _vector(figures)
            for part in (EVERYTHING, photograph.part):
                place = part, entry.model, judge
                if place not in findings.sums:
                    draws = DRAWS if part == EVERYTHING else 0
                    findings.sums[place] = Bootstrap(len(vector), draws=draws, seed=seed)
                findings.sums[place].add(index, vector)


def _vector(figures: Mapping[str, float | None]) -> Floats:
    """Return each figure and 1 if it is defined, else 0 and 0; of a ratio, its logarithm."""
    values = np.array([np.nan if figures[name] is None else figures[name] for name in FIGURES], np.float64)
    values[FIGURES.index("gradient_gain")] = np.log(values[FIGURES.index("gradient_gain")])
    defined = np.isfinite(values)
    return np.concatenate([np.where(defined, values, 0.0), defined])


def _keep_steadiness(findings: _Findings, video: str | None, flicker: Flicker) -> None:
    if video is not None:
        found = {HAZY if name == INPUT else name: steadiness for name, steadiness in flicker.result().items()}
        findings.steadiness[video] = flicker.compared, found
        findings.skipped += flicker.skipped


def _remember(
    findings: _Findings,
    index: int,
    photograph: Photograph,
    bench: Bench,
    examined: Sequence[Examined],
    models: Sequence[str],
    pictures: int,
) -> None:
    """Keep a frame to look at, if it is among the worst so far."""
    by_name = {entry.model: entry for entry in examined}
    scores: dict[str, float] = {}
    for model in models:
        found = by_name[model].figures
        scores[f"damage by {model}, %"] = -100.0 * sum(
            found[name] or 0.0 for name in ("blackened", "blown", "reversed")
        )
        scores[f"cast by {model}"] = -(found["cast"] or 0.0)
        scores[f"edges gained by {model}"] = found["new_edges"] or 0.0
    badness = -next(iter(scores.values()))
    if pictures <= 0 or (len(findings.worst) >= pictures and badness <= findings.worst[0][0]):
        return
    frame = Frame(
        photograph.name,
        "",
        scores,
        {entry.model: {title: entry.figures[key] for title, key in _BELOW.items()} for entry in examined},
        _pictures(examined, bench.judges[0].labels if bench.judges else None, models),
    )
    entry = badness, -index, frame
    if len(findings.worst) < pictures:
        heapq.heappush(findings.worst, entry)
    else:
        heapq.heapreplace(findings.worst, entry)


def _pictures(examined: Sequence[Examined], labels: LabelSet | None, models: Sequence[str]) -> dict[str, bytes]:
    order = sorted(examined, key=lambda entry: (entry is not examined[0], entry.model not in models))
    encoded = {entry.model: encode_photograph(entry.dehazed()) for entry in order}
    if labels is not None:
        for entry in order:
            opinion = next(iter(entry.opinions.values()))
            painting = labels.colorize(opinion.mask) if opinion.painting is None else opinion.painting
            encoded[f"{entry.model}{MASK}"] = encode_mask(painting)
    return encoded


def _rows(findings: _Findings, bench: Bench) -> list[Row]:
    parts = sorted({part for part, _, _ in findings.sums} - {EVERYTHING})
    rows = []
    for part in (EVERYTHING, *(parts if len(parts) > 1 else ())):
        for judge in bench.judges:
            for method in bench.methods:
                place = part, method.name, judge.name
                if place in findings.sums:
                    rows.append(_row(place, findings))
    return rows


def _row(place: _Place, findings: _Findings) -> Row:
    part, model, judge = place
    sums = findings.sums[place]
    values, counts = np.split(sums.sums, 2, axis=1)
    means = np.divide(values, counts, out=np.full_like(values, np.nan), where=counts > 0.0)
    by_name = dict(zip(FIGURES, means.T, strict=True))
    by_name["new_edges"] = _growth(by_name.pop("edges_before"), by_name["edges_after"])
    by_name["gradient_gain"] = np.exp(by_name["gradient_gain"])
    intervals = {name: interval(draws) for name, draws in by_name.items()} if len(means) > 1 else {}
    figures = {name: None if np.isnan(draws[0]) else float(draws[0]) for name, draws in by_name.items()}
    return {
        "model": model,
        "beta": None,
        "part": part,
        "judge": judge,
        "scenes": sums.pictures,
        **figures,
        **_flicker(part, model, findings),
        "interval": {name: list(found) for name, found in intervals.items() if found is not None},
    }


def _growth(before: Floats, after: Floats) -> Floats:
    """Return (after - before) / before, [draws + 1]; not a number where nothing was visible before."""
    return np.divide(after - before, before, out=np.full_like(before, np.nan), where=before > 0.0)


def _flicker(part: str, model: str, findings: _Findings) -> dict[str, float | None]:
    """Return how much a method's videos flicker, the mean over all pairs of frames."""
    names = {"flicker": "flicker", "flicker_relative": "relative"}
    chosen = [
        (pairs, found[model])
        for video, (pairs, found) in findings.steadiness.items()
        if part in (EVERYTHING, video) and pairs and model in found
    ]
    pairs = sum(number for number, _ in chosen)
    result: dict[str, float | None] = {}
    for name, attribute in names.items():
        values = [(number, getattr(found, attribute)) for number, found in chosen]
        defined = pairs and all(value is not None for _, value in values)
        result[name] = sum(number * value for number, value in values) / pairs if defined else None
    return result
