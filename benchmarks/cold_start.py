"""How long a new process waits for a model and for its first frame, with compiled networks on disk and without.

Its processor time is told, too: where other programs run, the rest of the waiting is theirs.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

PROGRAM = """
import json, sys, time
model, backend, threads, height, width, *hidden = sys.argv[1:]
sys.modules.update(dict.fromkeys(hidden))
start = time.perf_counter()
from dfs_core.runtime import load
dehazer = load(model or None, backend, threads=int(threads))
loaded, worked = time.perf_counter(), time.process_time()
dehazer.warm_up(int(height), int(width))
first = time.perf_counter() - loaded
print(json.dumps({"load_s": loaded - start, "load_processor_s": worked, "first_frame_s": first}))
"""

Figures = dict[str, float]


def main(
    model: Annotated[str, typer.Option(help="Model file or name; the one that ships if not given.")] = "",
    backend: Annotated[str, typer.Option(help="Backend, or auto for the best that this machine has.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    height: Annotated[int, typer.Option(min=1, help="Of the first frame.")] = 1080,
    width: Annotated[int, typer.Option(min=1, help="Of the first frame.")] = 1920,
    repeats: Annotated[int, typer.Option(min=1, help="Processes of each kind; the median counts.")] = 5,
    hide: Annotated[
        list[str] | None,
        typer.Option(
            help="Package that is not to be found, such as scipy, which numba imports where a vehicle has it."
        ),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Start processes that import, load and run one frame; what numba compiled is on disk in both kinds."""
    words = [model, backend, str(threads), str(height), str(width), *(hide or [])]
    with tempfile.TemporaryDirectory() as kept:
        start(words, kept)  # fills both caches
        figures = {
            "kept": median([start(words, kept) for _ in range(repeats)]),
            "compiled": median(anew(words, repeats)),
        }
    table = Table("", "import and load, s", "of a processor, s", f"first frame of {width}x{height}, s")
    for kind, seconds in figures.items():
        columns = ("load_s", "load_processor_s", "first_frame_s")
        table.add_row(f"networks {kind}", *(f"{seconds[column]:.2f}" for column in columns))
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


def anew(words: list[str], repeats: int) -> list[Figures]:
    """Return what starts take that find no network."""
    seconds = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as empty:
            seconds.append(start(words, empty))
    return seconds


def start(words: list[str], cache: str) -> Figures:
    """Return how long one process takes that keeps its networks below a folder."""
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    command = [sys.executable, "-c", PROGRAM, *words]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(run.stdout.splitlines()[-1])
    return figures


def median(runs: list[Figures]) -> Figures:
    """Return the median of each figure."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


if __name__ == "__main__":
    typer.run(main)
