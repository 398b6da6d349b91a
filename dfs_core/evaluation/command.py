"""`dfs evaluate`: what fog costs, and what a model wins back."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfs_core.errors import OutputError

if TYPE_CHECKING:
    from dfs_core.evaluation.results import Results

CACHE = "dfs/evaluation.sqlite"
"""Where predictions are kept, below $XDG_CACHE_HOME or ~/.cache."""

FIGURES = "report.json"
REPORT = {"index.html", FIGURES, "report.md", "panels"}
"""What is in the folder of a report. One that holds more is not replaced."""


def evaluate(
    data: Annotated[
        str,
        typer.Option(
            help="Folder of CamVid, Cityscapes, Foggy Cityscapes, D-HAZY or of your own pictures (layouts: "
            "docs/training.md). The layout is known by what is in it, or said by LAYOUT:FOLDER, LAYOUT being camvid, "
            "cityscapes, foggy_cityscapes, dhazy or folder. 'scenes' draws scenes and needs no data. With "
            "--no-reference: a picture, a video, or a folder of them."
        ),
    ],
    more_betas: Annotated[list[float] | None, typer.Argument(hidden=True, metavar="β")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Dehazer to evaluate, FILE or NAME=FILE; repeatable. FILE is a DFS model (.onnx), a checkpoint "
            "(.ckpt), or another project's ONNX file that takes RGB in [0, 1], float [1, 3, H, W], and gives the same. "
            "By default the shipped model.",
        ),
    ] = None,
    segmenter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Judge that labels all pictures, FILE or NAME=FILE; repeatable. FILE is a segmenter's checkpoint "
            "(.ckpt), a DFS model (.onnx), of which the segmenter alone is asked, or another project's ONNX file with "
            "a JSON file beside it (docs/evaluation.md). By default the shipped model's.",
        ),
    ] = None,
    beta: Annotated[
        list[float] | None,
        typer.Option(
            metavar="β",
            help="Density of the fog that scenes are put into, the attenuation in 1/m; several may follow. By default "
            "0 0.005 0.01 0.02 0.03 0.05, or the densities that the data comes in.",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the data, such as train.")] = "val",
    scenes: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="How many scenes, spread evenly over the split; 0 takes all. Of each video, the first frames.",
        ),
    ] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the report; one that is there is replaced.")] = Path("report"),
    no_reference: Annotated[
        bool, typer.Option("--no-reference", help="There is no ground truth: compare before and after.")
    ] = False,
    dcp: Annotated[bool, typer.Option(help="Whether the dark channel prior has a row, too.")] = True,
    pictures: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many of the worst frames the report shows.")
    ] = 36,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the fog's noise and of the bootstrap.")] = 2026,
    cache: Annotated[
        Path | None, typer.Option(help=f"File that keeps predictions; by default ~/.cache/{CACHE}.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask every model anew, and keep nothing.")] = False,
    json_: Annotated[Path | None, typer.Option("--json", help="Also write report.json here.")] = None,
) -> None:
    """Measure what fog costs and what dehazers win back, as pictures and for segmenters that judge them.

    Writes a report: index.html to look at, report.json, report.md, panels.

    The exit code is 1 if anything could not be read or computed.
    """
    from contextlib import ExitStack
    from dataclasses import replace

    from rich.console import Console

    from dfs_core.evaluation.contenders import open_judges, open_methods
    from dfs_core.evaluation.dataset import FoggyScenes
    from dfs_core.evaluation.measure import Bench
    from dfs_core.evaluation.methods import open_method
    from dfs_core.evaluation.no_reference import evaluate_without_reference
    from dfs_core.evaluation.photographs import Photographs
    from dfs_core.evaluation.predictions import Predictions
    from dfs_core.evaluation.reference import evaluate_with_reference
    from dfs_core.evaluation.summary import print_summary
    from dfs_core.labels import LABEL_SETS
    from dfs_core.runtime.loading import SHIPPED_MODEL

    if more_betas and not beta:
        raise typer.BadParameter(f"got {', '.join(f'{value:g}' for value in more_betas)}, but no option that takes it")
    if no_reference and beta:
        raise typer.BadParameter("no fog is put into pictures without ground truth; leave it out", param_hint="--beta")
    _check_outputs(out, json_)
    with ExitStack() as stack:
        judges = open_judges(segmenter or (), stack)
        methods, models = open_methods(model or (), stack, dcp=dcp)
        predictions = Predictions(None if no_cache else cache or _cache_file())
        stack.callback(predictions.close)
        if no_reference:
            photographs, estimator = Photographs(Path(data), limit=scenes), open_method(SHIPPED_MODEL)
            stack.callback(estimator.close)
            with _progress(len(photographs)) as advance:
                results = evaluate_without_reference(
                    photographs,
                    Bench(methods, judges, predictions),
                    estimator,
                    models=models,
                    pictures=pictures,
                    seed=seed,
                    advance=advance,
                )
        else:
            foggy = FoggyScenes(
                data,
                split=split,
                betas=[*(beta or ()), *(more_betas or ())],
                labels=LABEL_SETS.get(judges[0].labels.name, judges[0].labels),  # a model file has no sizes of things
                limit=scenes,
                seed=seed,
            )
            if foggy.labels is None and not segmenter:
                judges = []
            with _progress(len(foggy) * len(foggy.densities)) as advance:
                results = evaluate_with_reference(
                    foggy,
                    Bench(methods, judges, predictions),
                    models=models,
                    pictures=pictures,
                    seed=seed,
                    advance=advance,
                )
    results = replace(results, facts={**results.facts, **_circumstances(seed)})
    _write(results, out, json_)
    print_summary(results, Console())
    typer.echo(f"report: {out / 'index.html'}")
    if results.problems:
        typer.secho(
            f"dfs: {_counted(len(results.problems))} could not be read or computed, and the report names what; the "
            f"first: {results.problems[0]}",
            fg=typer.colors.RED,
            err=True,
        )
        raise typer.Exit(1)


def _counted(things: int) -> str:
    return "1 thing" if things == 1 else f"{things} things"


def _circumstances(seed: int) -> dict[str, str]:
    """Return with which version, seed and command the results came about."""
    import shlex
    import sys

    from dfs_core import __version__

    return {"DFS": __version__, "seed": str(seed), "command": shlex.join(["dfs", *sys.argv[1:]])}


def _cache_file() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / CACHE


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Show how far it is, and how long it will take; yields what is to be called after each step."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = TextColumn("evaluating"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("evaluating", total=total)
        yield lambda: progress.advance(task)


def _check_outputs(out: Path, copy: Path | None) -> None:
    """Refuse what could not be written at the end, or would replace what is none of ours, before the work begins.

    Raises:
        OutputError: nothing of what is there is touched.
    """
    from dfs_core.whole_output import require_place

    _refuse_to_replace(out)
    require_place(out)
    if copy is not None:
        if copy.is_dir():
            raise OutputError(f"{copy}: is a folder; name a file with --json")
        require_place(copy)


def _refuse_to_replace(out: Path) -> None:
    """Refuse a folder that holds something else than a report or nothing, or a file.

    Raises:
        OutputError: nothing of what is there is touched.
    """
    if out.is_dir():
        held = {path.name for path in out.iterdir()}
        strangers = sorted(held - REPORT) or (sorted(held) if held and FIGURES not in held else [])
        if strangers:
            raise OutputError(
                f"{out}: holds {strangers[0]}, which is no part of a report, and is left as it is; name another folder "
                "with --out"
            )
    elif out.exists():
        raise OutputError(f"{out}: is a file; name a folder with --out")


def _write(results: "Results", out: Path, copy: Path | None) -> None:
    """Write the report, and its figures once more where they are wanted."""
    import shutil

    from dfs_core.evaluation.report import write
    from dfs_core.whole_output import whole_output

    with whole_output(out, overwrite=True) as partial:
        write(results, partial)
    if copy is not None:
        with whole_output(copy, overwrite=True) as partial:
            shutil.copyfile(out / FIGURES, partial)
