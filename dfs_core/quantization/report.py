"""The comparison of a quantised file with its original: a table for people, figures for machines, and the refusal."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dfs_core.errors import ArtifactError
from dfs_core.quantization.loss import Bounds, Row, exceeds


def show(rows: Sequence[Row], bounds: Bounds, console: Console, *, title: str) -> None:
    """Print each figure before and after, and its bound."""
    table = Table(title=title, box=SIMPLE)
    for column in ("figure", "on"):
        table.add_column(column, no_wrap=True)
    for column in ("fp32", "int8", "bound"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        before = "" if row.original is None else _number(row.original, row)
        style = "bold red" if exceeds(row, bounds) else ""
        bound = _bound(row, bounds) if row.original is None else f"loses {_bound(row, bounds)}"
        table.add_row(row.figure, row.where, before, Text(_number(row.quantised, row), style), bound)
    console.print(table)


def refuse_loss(rows: Sequence[Row], bounds: Bounds, path: Path) -> None:
    """Refuse a file that loses more than it may.

    Raises:
        ArtifactError: with the figures, their bounds, and what to do.
    """
    wrong = [row for row in rows if exceeds(row, bounds)]
    if wrong:
        found = "; ".join(f"{row.figure} on {row.where}: {_lost(row)} ({_bound(row, bounds)})" for row in wrong)
        raise ArtifactError(
            f"{path}: not written, because quantisation loses too much: {found}. Calibrate on more frames and on such "
            f"as the camera takes, or allow it with --max-loss {wrong[0].bound}=NUMBER"
        )


def metrics(rows: Sequence[Row]) -> dict[str, float]:
    """Return what goes into the file: the worst of each figure, as "quantized_" and the name of its bound."""
    worst: dict[str, float] = {}
    for row in rows:
        choose = min if row.bound == "frames" else max
        name = f"quantized_{row.bound}"
        worst[name] = round(choose(worst.get(name, row.lost), row.lost), 4)
    return worst


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Write the figures of each row."""
    path.write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=2) + "\n")


def _number(value: float, row: Row) -> str:
    return f"{value:.2f} {row.unit}"


def _lost(row: Row) -> str:
    return _number(row.lost, row) + ("" if row.original is None else " lost")


def _bound(row: Row, bounds: Bounds) -> str:
    kind = "at least" if row.bound == "frames" else "at most"
    return f"{kind} {getattr(bounds, row.bound):g} {row.unit}"
