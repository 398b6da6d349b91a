"""Evaluate where the truth is known: hazy, dehazed and clear scenes side by side, labelled by independent judges."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dfs_core.errors import DfsError, LabelError, OutputError
from dfs_core.evaluation.columns import CURVES, JUDGED, REFERENCE
from dfs_core.evaluation.dataset import FoggyScenes
from dfs_core.evaluation.judges.judge import Image
from dfs_core.evaluation.measure import Bench
from dfs_core.evaluation.pictures import encode_mask, encode_photograph
from dfs_core.evaluation.report.pictures import KIND_MARK
from dfs_core.evaluation.results import CLEAR, Column, Frame, Results
from dfs_core.evaluation.run import Findings, Seen, choose, evaluate, in_fog
from dfs_core.metrics.bootstrap import DRAWS

TRUTH = "labels"
"""Caption of the true label map."""
MASK = f"{KIND_MARK}mask"
"""End of the captions of label maps."""

_NOTES = (
    "Gap closed: (dehazed - hazy) / (clear - hazy) of the same figure. Where the gap is small, the share means little.",
    "Intervals hold 95 % of 1000 draws of the frames with replacement, as if frames of a drive were not alike.",
    "PSNR of equal pictures counts as 100 dB. Maps are compared where nothing is labelled, too.",
    "Times are medians of five calls on one frame, on this machine; benchmarks/runtime.py measures with more care.",
)


def evaluate_with_reference(
    scenes: FoggyScenes,
    bench: Bench,
    *,
    models: Sequence[str],
    pictures: int,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> Results:
    """Measure all scenes, and show the worst.

    Args:
        scenes: what to look at.
        bench: whom to ask.
        models: names of the methods that the evaluation is about; the others are there for comparison.
        pictures: how many scenes to show.
        seed: of the bootstrap.
        advance: called after each scene in each fog.

    Raises:
        LabelError: a judge or a model knows other classes than the data.
        OutputError: predictions cannot be kept.
    """
    check_labels(scenes, bench)
    findings = evaluate(scenes, bench, models=models, draws=DRAWS, seed=seed, advance=advance)
    rows = findings.tally.rows()
    chosen = choose(findings.seen, pictures)
    frames = [_illustrate(scenes, bench, entry, models, findings.problems) for entry in chosen]
    return Results(
        title=f"Dehazing for segmentation on {scenes.name}",
        facts={
            "data": f"{scenes.name}, {len(scenes)} scenes",
            "fog": scenes.fog,
            "instances": scenes.things,
            "judges": "; ".join(f"{judge.name} ({judge.source})" for judge in bench.judges) or "none",
        },
        methods=_methods(bench, findings),
        columns=[column for column in REFERENCE if _has(rows, column)],
        rows=rows,
        curves=[key for key in CURVES if bench.judges or key not in JUDGED] if len(scenes.densities) > 1 else [],
        frames=[frame for frame in frames if frame is not None],
        labels=scenes.labels,
        notes=[*_NOTES, *_left_out(findings)],
        problems=findings.problems,
    )


def check_labels(scenes: FoggyScenes, bench: Bench) -> None:
    """Refuse judges who know other classes than the data.

    Raises:
        LabelError: with the classes of both.
    """
    for judge in bench.judges:
        if scenes.labels is None or judge.labels.names != scenes.labels.names:
            found = "no labels" if scenes.labels is None else f"the classes {', '.join(scenes.labels.names)}"
            raise LabelError(
                f"the judge '{judge.name}' knows the classes {', '.join(judge.labels.names)}, but {scenes.name} has "
                f"{found}; give a segmenter that was trained for them with --segmenter"
            )


def _left_out(findings: Findings) -> list[str]:
    strangers = ", ".join(findings.strangers)
    return [f"Masks of {strangers} are not compared: they are of other classes than the data's."] if strangers else []


def _has(rows: Sequence[Mapping[str, Any]], column: Column) -> bool:
    return any(row.get(column.key) is not None for row in rows)


def _methods(bench: Bench, findings: Findings) -> list[dict[str, Any]]:
    """Return what each method is, and costs on the first scene that was measured."""
    if findings.first is None:
        return []
    costs = bench.costs(findings.first, findings.problems)
    clear = {"model": CLEAR, "source": "the scene without fog", "parameters": 0, "macs": 0, "ms_per_frame": None}
    return [*costs, clear]


def _illustrate(
    scenes: FoggyScenes, bench: Bench, entry: Seen, models: Sequence[str], problems: list[str]
) -> Frame | None:
    """Return a scene with all that was made of it; None if it cannot be had again, which is added to `problems`."""
    try:
        return _frame(scenes, bench, entry, models)
    except OutputError:  # of the cache
        raise
    except DfsError as error:
        problems.append(f"{entry.name}{in_fog(entry.beta)}: not shown ({error})")
        return None


def _frame(scenes: FoggyScenes, bench: Bench, entry: Seen, models: Sequence[str]) -> Frame:
    """Return a scene with all that was made of it; the slider begins with hazy and the first model."""
    scene = scenes[entry.index]
    sample, hazy = scene.sample, scenes.hazy(scene, entry.beta)
    order = sorted(bench.methods, key=lambda method: (method is not bench.methods[0], method.name not in models))
    shown: dict[str, Image] = {method.name: method(hazy).dehazed for method in order} | {CLEAR: sample.image}
    encoded = {name: encode_photograph(picture) for name, picture in shown.items()}
    if bench.judges and scenes.labels is not None:
        opinions = {
            found.model: found.opinions[bench.judges[0].name] for found in bench.measure(hazy, sample.image)
        }  # kept since the scene was measured
        for name in shown:
            painting = opinions[name].painting
            painting = scenes.labels.colorize(opinions[name].mask) if painting is None else painting
            encoded[f"{name}{MASK}"] = encode_mask(painting)
        encoded[TRUTH] = encode_mask(scenes.labels.colorize(sample.labels))
    fog = "" if entry.beta is None else f"β = {entry.beta:g} / m"
    return Frame(entry.name, fog, entry.scores, entry.figures, encoded)
