"""Go through all scenes in all fogs, and choose which of them to look at."""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dfs_core.errors import DfsError, OutputError
from dfs_core.evaluation.dataset import FoggyScenes, Scene
from dfs_core.evaluation.measure import Bench, Measured
from dfs_core.evaluation.methods.method import Image
from dfs_core.evaluation.results import HAZY
from dfs_core.evaluation.tally import Tally
from dfs_core.labels import LabelSet
from dfs_core.read_ahead import read_ahead

_AHEAD = 8 << 20
"""Bytes of scenes that wait to be looked at."""

Figures = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Seen:
    """A scene in one fog that was measured.

    Attributes:
        index: of the scene.
        name: of the scene.
        beta: the density of its fog, 1/m, or None.
        figures: {model: {title: value}}.
        scores: what scenes can be sorted by, the lowest being the worst.
    """

    index: int
    name: str
    beta: float | None
    figures: Figures
    scores: Mapping[str, float]


@dataclass
class Findings:
    """What came of it.

    Attributes:
        tally: makes the rows.
        seen: what was measured, in order.
        first: the hazy frame of the first of these; None if there is none.
        problems: what could not be read or computed, one line each.
        strangers: names of the methods whose own masks are of other classes than the scenes, and are left out.
    """

    tally: Tally
    strangers: Sequence[str]
    seen: list[Seen] = field(default_factory=list)
    first: Image | None = None
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Read:
    """A scene in all of its fogs, or why it could not be read."""

    index: int
    scene: Scene | None
    hazy: Mapping[float | None, Image]
    problems: Sequence[str]

    @property
    def size(self) -> int:
        planes = [] if self.scene is None else [*self.scene.sample.planes().values()]
        return sum(plane.nbytes for plane in (*planes, *self.hazy.values())) + 1


def evaluate(
    scenes: FoggyScenes,
    bench: Bench,
    *,
    models: Sequence[str],
    draws: int,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> Findings:
    """Measure every scene in every fog.

    A scene that cannot be read, or on which a method fails, is named and left out of every row.

    Args:
        scenes: what to look at.
        bench: whom to ask.
        models: names of the methods whose gains scenes are to be sorted by, the most interesting first.
        draws: of the bootstrap.
        seed: of the bootstrap.
        advance: called after each scene in each fog.

    Raises:
        OutputError: predictions cannot be kept.
    """
    findings = Findings(Tally(scenes.labels, draws=draws, seed=seed), _strangers(scenes.labels, bench))
    for read in read_ahead(_read_all(scenes), size=lambda item: item.size, budget=_AHEAD):
        findings.problems += read.problems
        for beta in scenes.densities:
            if read.scene is not None and beta in read.hazy:
                _measure(findings, bench, read, beta, models)
            advance()
    return findings


def choose(seen: Sequence[Seen], number: int) -> list[Seen]:
    """Return the worst scenes in each fog, the same number of each, by the first of their scores."""
    by_fog: dict[float | None, list[Seen]] = {}
    for entry in seen:
        by_fog.setdefault(entry.beta, []).append(entry)
    share = math.ceil(number / len(by_fog)) if by_fog else 0
    return [
        entry
        for entries in by_fog.values()
        for entry in sorted(entries, key=lambda entry: next(iter(entry.scores.values()), 0.0))[:share]
    ][:number]


def in_fog(beta: float | None) -> str:
    """Return what to say behind a scene's name of the fog that it is in."""
    return "" if beta is None else f" at β = {beta:g} / m"


def _strangers(labels: LabelSet | None, bench: Bench) -> list[str]:
    """Return the names of the methods that publish masks of other classes than these."""
    if labels is None:
        return []
    return [method.name for method in bench.methods if method.labels and method.labels.names != labels.names]


def _measure(findings: Findings, bench: Bench, read: _Read, beta: float | None, models: Sequence[str]) -> None:
    assert read.scene is not None  # noqa: S101 - the caller looked
    sample = read.scene.sample
    try:
        measured = [
            replace(entry, mask=None) if entry.model in findings.strangers else entry
            for entry in bench.measure(read.hazy[beta], sample.image)
        ]
        mious = findings.tally.add(read.index, sample, read.scene.part, beta, measured)
    except OutputError:  # of the cache: all scenes would be left out
        raise
    except DfsError as error:
        findings.problems.append(f"{sample.name}{in_fog(beta)}: left out ({error})")
        return
    if findings.first is None:
        findings.first = read.hazy[beta]
    found = _figures(measured, mious)
    findings.seen.append(Seen(read.index, sample.name, beta, found, _scores(found, models)))


def _read_all(scenes: FoggyScenes) -> Generator[_Read, None, None]:
    for index in range(len(scenes)):
        try:
            scene = scenes[index]
        except DfsError as error:
            yield _Read(index, None, {}, [str(error)])
            continue
        found = {beta: _in_fog(scenes, scene, beta) for beta in scenes.densities}
        hazy = {beta: picture for beta, picture in found.items() if not isinstance(picture, str)}
        yield _Read(index, scene, hazy, [problem for problem in found.values() if isinstance(problem, str)])


def _in_fog(scenes: FoggyScenes, scene: Scene, beta: float | None) -> Image | str:
    """Return a scene in fog, or why it cannot be had."""
    try:
        return scenes.hazy(scene, beta)
    except DfsError as error:
        return str(error)


def _figures(measured: Sequence[Measured], mious: Mapping[str, float | None]) -> Figures:
    """Return what stands below each picture of one scene, the first judge's mIoU included."""
    found: Figures = {}
    for entry in measured:
        own: dict[str, float | None] = {"PSNR, dB": entry.psnr, "SSIM": entry.ssim}
        if entry.model in mious:
            own["mIoU"] = mious[entry.model]
        if entry.fog_density is not None:
            own["β, 1/m"] = entry.fog_density
        found[entry.model] = own
    return found


def _scores(found: Figures, models: Sequence[str]) -> dict[str, float]:
    """Return what each model wins over the hazy frame; losses are negative."""
    scores = {}
    for model in models:
        for title, words in (("mIoU", "mIoU"), ("PSNR, dB", "PSNR")):
            own, hazy = found[model].get(title), found[HAZY].get(title)
            if own is not None and hazy is not None:
                scores[f"{words} gained by {model}"] = own - hazy
    return scores
