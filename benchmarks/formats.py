"""How long models take in several number formats: in turn in one run, so that a busy machine is as unfair to all."""

import json
import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from runtime import picture

from dfs_core.runtime import Dehazer, load

SIZES = ((540, 960), (1080, 1920))


def main(
    models: Annotated[
        list[Path], typer.Argument(help="Model files; the first one in fp32 is what all are set beside.")
    ],
    backend: Annotated[str, typer.Option(help="Backend that runs them.")] = "openvino",
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    repeats: Annotated[int, typer.Option(min=3, help="Timed turns; their median counts.")] = 60,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Time dehazing and segmentation of one frame by each file, in precision "fp32" and "auto"."""
    figures: dict[str, Any] = {"backend": backend, "threads": threads}
    with ExitStack() as stack:
        opened = {
            f"{path.name}, {precision}": stack.enter_context(load(path, backend, precision=precision, threads=threads))
            for path in models
            for precision in ("fp32", "auto")
        }
        for height, width in SIZES:
            figures[f"{width}x{height}"] = time_in_turn(opened, height, width, repeats=repeats)
    show(figures)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


def time_in_turn(opened: dict[str, Dehazer], height: int, width: int, *, repeats: int) -> dict[str, Any]:
    """Return milliseconds of each: median and shortest, and the median of its ratio to the first in the same turn."""
    frames = picture(height, width)[None]
    for dehazer in opened.values():
        dehazer(frames)
    times: dict[str, list[float]] = {name: [] for name in opened}
    for _ in range(repeats):
        for name, dehazer in opened.items():
            start = time.perf_counter()
            dehazer(frames)
            times[name].append(1000.0 * (time.perf_counter() - start))
    first = next(iter(times.values()))
    return {
        name: {
            "ms": statistics.median(own),
            "least_ms": min(own),
            "fps": 1000.0 / statistics.median(own),
            "ratio": statistics.median(one / other for one, other in zip(own, first, strict=True)),
        }
        for name, own in times.items()
    }


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    table = Table(title="{backend}, {threads} threads; image and mask".format(**figures), box=SIMPLE)
    for column in ("size", "file, precision", "fps", "ms", "least", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    for height, width in SIZES:
        for name, found in figures[f"{width}x{height}"].items():
            numbers = (f"{found[key]:.1f}" for key in ("fps", "ms", "least_ms"))
            table.add_row(f"{width}x{height}", name, *numbers, f"{found['ratio']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
