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

REPORT_MARK = "report.json"
"""The file by which a folder is known as a report, which may be replaced."""


def evaluate(
    data: Annotated[
        str,
        typer.Option(
            help="A folder of camvid, cityscapes, foggy_cityscapes, dhazy or your own pictures (see docs/training.md), "
            "known by what is in it or named as LAYOUT:FOLDER; 'scenes' draws some. With --no-reference: a picture, a "
            "video, or a folder of them."
        ),
    ],
    more_betas: Annotated[list[float] | None, typer.Argument(hidden=True)] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A DFS model (.onnx), a dehazer's checkpoint (.ckpt), or another project's ONNX file from RGB in "
            "[0, 1], [1, 3, H, W], to the same. FILE or NAME=FILE; repeatable; the shipped model if none.",
        ),
    ] = None,
    segmenter: Annotated[
        list[str] | None,
        typer.Option(
            help="The judge: a segmenter's checkpoint (.ckpt), a DFS model (.onnx), whose segmenter alone is asked, or "
            "another project's ONNX file with its description beside it. FILE or NAME=FILE; repeatable; the shipped "
            "model's if none.",
        ),
    ] = None,
    beta: Annotated[
        list[float] | None,
        typer.Option(help="Attenuation of the fog in 1/m; several may follow. By default 0 0.005 0.01 0.02 0.03 0.05."),
    ] = None,
    split: Annotated[str, typer.Option(help="Which split of the data.")] = "val",
    scenes: Annotated[int, typer.Option(help="Take so many scenes, spread evenly; 0 takes all.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the report; a report that is there is replaced.")] = Path(
        "report"
    ),
    no_reference: Annotated[
        bool, typer.Option("--no-reference", help="The data has no ground truth: compare before and after.")
    ] = False,
    dcp: Annotated[bool, typer.Option(help="Also compare the dark channel prior.")] = True,
    pictures: Annotated[int, typer.Option(help="How many of the worst scenes to show.")] = 36,
    seed: Annotated[int, typer.Option(help="Of the fog's noise and of the bootstrap; training uses others.")] = 2026,
    cache: Annotated[
        Path | None, typer.Option(help=f"File that keeps predictions; by default {CACHE} in the user's cache folder.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask every model anew, and keep nothing.")] = False,
    json_: Annotated[Path | None, typer.Option("--json", help="Also write report.json here.")] = None,
) -> None:
    """Compare hazy, dehazed and clear frames as pictures and through the eyes of independent segmenters.

    Writes a report with index.html, report.json, report.md and panels. Ends with exit code 1 if anything could not be
    read.
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
    from dfs_core.runtime.loading import SHIPPED_MODEL

    _refuse_to_replace(out)
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
                labels=judges[0].labels,
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
    results = replace(results, facts={**results.facts, **_circumstances()})
    _write(results, out, json_)
    print_summary(results, Console())
    typer.echo(f"report: {out / 'index.html'}")
    if results.problems:
        typer.secho(
            f"dfs: {len(results.problems)} things could not be read or computed, the report names them; the first: "
            f"{results.problems[0]}",
            fg=typer.colors.RED,
            err=True,
        )
        raise typer.Exit(1)


def _circumstances() -> dict[str, str]:
    """Return with which version and by which command the results came about."""
    import shlex
    import sys

    from dfs_core import __version__

    return {"DFS": __version__, "command": shlex.join(["dfs", *sys.argv[1:]])}


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


def _refuse_to_replace(out: Path) -> None:
    """Refuse a folder that holds something else than a report.

    Raises:
        OutputError: nothing of what is there is touched.
    """
    if out.exists() and not (out / REPORT_MARK).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(
            f"{out}: holds something else than a report, and is left as it is; name another folder with --out"
        )


def _write(results: "Results", out: Path, copy: Path | None) -> None:
    """Write the report, and its figures once more where they are wanted."""
    import shutil

    from dfs_core.evaluation.report import write
    from dfs_core.whole_output import whole_output

    with whole_output(out, overwrite=True) as partial:
        write(results, partial)
    if copy is not None:
        with whole_output(copy, overwrite=True) as partial:
            shutil.copyfile(out / REPORT_MARK, partial)
