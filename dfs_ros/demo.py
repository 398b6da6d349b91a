"""`dfs demo`: a foggy bag through the real node over real DDS, and what came of it."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from dfs_core.errors import BagError, OutputError

BAG = "bags/foggy_road"
OUTPUT_BAG, PICTURE, SUMMARY, LOG = "dehazed.mcap", "frames.png", "summary.json", "log"


def demo(
    bag: Annotated[
        Path | None, typer.Option(help="Bag to play; the foggy road that ships with DFS if not given.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results; an earlier demo's is replaced.")] = Path("demo"),
    model: Annotated[Path | None, typer.Option(help="Model file; the one that ships with DFS if not given.")] = None,
    backend: Annotated[str, typer.Option(help="What runs the model; auto takes the best here.")] = "auto",
    precision: Annotated[str, typer.Option(help="Number format of the computation.")] = "fp32",
    domain_id: Annotated[
        int | None, typer.Option(min=0, max=232, help="DDS domain; one that nobody uses if not given.")
    ] = None,
) -> None:
    """Play a foggy bag through the dehaze node, record what it answers, and show it.

    Player, node and recorder are separate processes that talk over DDS on this machine only.
    """
    from rich.console import Console

    from dfs_core.whole_output import whole_output
    from dfs_ros.demo_picture import draw
    from dfs_ros.demo_run import run
    from dfs_ros.domain import free_domain

    _check_folder(out)
    source = (_shipped_bag() if bag is None else bag).absolute()
    settings = {"backend": backend, "precision": precision, "model": str(model.absolute()) if model else ""}
    signal.signal(signal.SIGTERM, _end)  # so that the processes are ended
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    os.environ["ROS_DOMAIN_ID"] = str(free_domain() if domain_id is None else domain_id)
    start = time.monotonic()
    console = Console()
    with whole_output(out, overwrite=True) as folder, console.status("starting") as status:
        folder.mkdir()
        outcome = run(source, folder / OUTPUT_BAG, settings, log=folder / LOG, say=status.update)
        status.update("drawing")
        draw(folder / OUTPUT_BAG, outcome.topics, folder / PICTURE)
        summary = {**outcome.summary(), "seconds": round(time.monotonic() - start, 1)}
        (folder / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n")
    console.print(_table(summary, source))
    console.print(_what_next(out, source), soft_wrap=True, highlight=False)


def _shipped_bag() -> Path:
    from dfs_ros.share import share_file

    try:
        return share_file(f"{BAG}/metadata.yaml").parent
    except FileNotFoundError as error:
        raise BagError(f"the bag that ships with DFS is missing ({error}); name another with --bag BAG") from error


def _check_folder(out: Path) -> None:
    """Refuse to replace anything that is not an earlier demo's result."""
    if out.exists() and not (out / SUMMARY).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise OutputError(f"{out}: holds something else than an earlier demo; name another folder with --out")


def _table(summary: dict[str, Any], source: Path) -> Any:
    """Return the summary for people."""
    from rich.table import Table

    latency = summary["latency_ms"]
    table = Table(title=f"{source.name} through the dehaze node", show_header=False, title_justify="left")
    table.add_column(style="dim")
    table.add_column()
    for name, value in (
        ("frames played", summary["frames_played"]),
        ("frames in / out", f"{summary['frames_in']} / {summary['frames_out']}"),
        ("superseded by a newer frame", summary["superseded"]),
        ("refused or failed", summary["refused"] + summary["failed"]),
        ("clear, passed on as they were", summary["passed_as_clear"]),
        ("frames per second", _number(summary["fps"])),
        ("latency, median", f"{_number(latency['p50'])} ms"),
        ("latency, 95th percentile", f"{_number(latency['p95'])} ms"),
        ("backend, precision", f"{summary['backend']}, {summary['precision']}"),
        ("model", summary["model"]),
    ):
        table.add_row(name, str(value))
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _what_next(out: Path, source: Path) -> str:
    """Return what there is to look at, and what to try."""
    lines = {
        "Latency is from the header's stamp, set when the player sent the frame, to the publication of the answer.": "",
        "": "",
        str(out / PICTURE): "what came in, and what the node made of it",
        str(out / OUTPUT_BAG): "all of it, for Foxglove, RViz or the bag player",
        str(out / SUMMARY): "these figures",
        f"dfs up --bag {source}": "the same, live, for your own subscribers",
        "dfs up camera:=/front/image_raw": "your own camera",
        "dfs dehaze INPUT OUTPUT": "images, videos and bags, every frame, without ROS",
    }
    width = max(len(name) for name, words in lines.items() if words)
    return "\n".join(f"  {name:{width}}  {words}" if words else name for name, words in lines.items())


def _end(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)
