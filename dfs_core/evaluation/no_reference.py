"""Evaluate where the truth is not known: frames before and after, and the worst of them to look at."""

import heapq
from collections.abc import Callable, Sequence

from dfs_core.errors import DfsError, OutputError
from dfs_core.evaluation.columns import NO_REFERENCE
from dfs_core.evaluation.measure import Bench, Examined
from dfs_core.evaluation.methods.method import Image, Method
from dfs_core.evaluation.no_reference_tally import NoReferenceTally
from dfs_core.evaluation.pairs import Pairs
from dfs_core.evaluation.photographs import Photograph, Photographs
from dfs_core.evaluation.pictures import encode_mask, encode_photograph
from dfs_core.evaluation.reference import MASK
from dfs_core.evaluation.results import Frame, Results
from dfs_core.labels import LabelSet
from dfs_core.read_ahead import read_ahead

_BELOW = {"e": "new_edges", "r": "gradient_gain", "β left, 1/m": "fog_density", "cast, ΔE": "cast"}
_NOTES = (
    "Nothing here says that a picture is right: noise and halos make edges, too. Look at the frames.",
    "β left is what the shipped model says of each result; of its own results it may say what it was trained to.",
    "Confidence is no accuracy: judges can be sure of what is not there.",
    "Flicker of a result of twice the contrast is twice as high; the last column takes that out.",
)


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

    A frame on which a method fails is named and left out of every row, and so are the pairs that it belongs to.

    Args:
        photographs: what to look at.
        bench: whom to ask.
        estimator: a DFS model that says how much fog is left.
        models: names of the methods that the evaluation is about; the others are there for comparison.
        pictures: how many frames to show.
        seed: of the bootstrap.
        advance: called after each frame.

    Raises:
        OutputError: predictions cannot be kept.
    """
    tally, pairs, worst = NoReferenceTally(seed=seed), Pairs(bench), _Worst(bench, models, pictures)
    problems: list[str] = []
    first: Image | None = None
    for index, photograph in enumerate(read_ahead(photographs, size=lambda item: item.frame.nbytes)):
        try:
            examined = bench.examine(photograph.frame, estimator)
            steadiness = pairs.compare(photograph, examined)
            worst.offer(index, photograph, examined)
        except OutputError:  # of the cache: all frames would be left out
            raise
        except DfsError as error:
            problems.append(f"{photograph.name}: left out ({error})")
            pairs.interrupt()
        else:
            tally.add(index, photograph.part, examined, steadiness)
            first = photograph.frame if first is None else first
        advance()
    rows = tally.rows(bench)
    return Results(
        title=f"Dehazing of {photographs.source.resolve().name}, without ground truth",
        facts={
            "data": str(photographs),
            "judges": "; ".join(f"{judge.name} ({judge.source})" for judge in bench.judges),
            "fog is estimated by": estimator.source,
            **_pairs(tally),
        },
        methods=[] if first is None else bench.costs(first, problems),
        columns=[column for column in NO_REFERENCE if any(row.get(column.key) is not None for row in rows)],
        rows=rows,
        frames=worst.frames,
        labels=bench.judges[0].labels,
        notes=_NOTES,
        problems=[*photographs.problems, *problems],
    )


def _pairs(tally: NoReferenceTally) -> dict[str, str]:
    """Return how much flicker was asked of, where there are videos."""
    if not tally.compared + tally.skipped:
        return {}
    return {"flicker": f"of {tally.compared} pairs of frames; {tally.skipped} skipped, as their motion cannot be found"}


class _Worst:
    """The frames to look at, no more of them than asked for."""

    def __init__(self, bench: Bench, models: Sequence[str], number: int) -> None:
        self._labels = bench.judges[0].labels if bench.judges else None
        self._models, self._number = models, number
        self._held: list[tuple[float, int, Frame]] = []

    @property
    def frames(self) -> list[Frame]:
        """The worst first."""
        return [frame for _, _, frame in sorted(self._held, key=lambda entry: -entry[0])]

    def offer(self, index: int, photograph: Photograph, examined: Sequence[Examined]) -> None:
        """Keep a frame if it is among the worst so far; its methods are then asked for it."""
        scores = self._scores({entry.model: entry for entry in examined})
        badness = -next(iter(scores.values()))
        if self._number <= 0 or (len(self._held) >= self._number and badness <= self._held[0][0]):
            return
        frame = Frame(
            photograph.name,
            "",
            scores,
            {entry.model: {title: entry.figures[key] for title, key in _BELOW.items()} for entry in examined},
            _pictures(examined, self._labels, self._models),
        )
        heapq.heappush(self._held, (badness, -index, frame))
        if len(self._held) > self._number:
            heapq.heappop(self._held)

    def _scores(self, by_name: dict[str, Examined]) -> dict[str, float]:
        scores: dict[str, float] = {}
        for model in self._models:
            found = by_name[model].figures
            damage = sum(found[name] or 0.0 for name in ("blackened", "blown", "reversed"))
            scores[f"damage by {model}, %"] = -100.0 * damage
            scores[f"cast by {model}"] = -(found["cast"] or 0.0)
            scores[f"edges gained by {model}"] = found["new_edges"] or 0.0
        return scores


def _pictures(examined: Sequence[Examined], labels: LabelSet | None, models: Sequence[str]) -> dict[str, bytes]:
    order = sorted(examined, key=lambda entry: (entry is not examined[0], entry.model not in models))
    encoded = {entry.model: encode_photograph(entry.dehazed()) for entry in order}
    if labels is not None:
        for entry in order:
            opinion = next(iter(entry.opinions.values()))
            painting = labels.colorize(opinion.mask) if opinion.painting is None else opinion.painting
            encoded[f"{entry.model}{MASK}"] = encode_mask(painting)
    return encoded
