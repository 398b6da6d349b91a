"""The figures that matter most, on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from dfs_core.evaluation.dataset import EVERYTHING
from dfs_core.evaluation.results import Column, Results, Row

SHOWN = 7
"""How many columns fit; the report has them all."""


def print_summary(results: Results, console: Console) -> None:
    """Print the rows of all scenes, a table for each judge: a figure, and the share of the fog gap that it closes."""
    columns = results.columns[:SHOWN]
    rows = [row for row in results.rows if row["part"] == EVERYTHING]
    for judge in dict.fromkeys(row["judge"] for row in rows):
        table = Table(title=results.title + (f", judged by {judge}" if judge else ""))
        table.add_column("β, 1/m" if any(row["beta"] is not None for row in rows) else "")
        table.add_column("method")
        for column in columns:
            table.add_column(column.title, justify="right")
        own = [row for row in rows if row["judge"] == judge]
        for number, row in enumerate(own):
            ends = number + 1 == len(own) or own[number + 1]["beta"] != row["beta"]
            table.add_row(*_cells(row, columns), end_section=ends)
        console.print(table)


def _cells(row: Row, columns: Sequence[Column]) -> list[str]:
    beta = "" if row["beta"] is None else f"{row['beta']:g}"
    return [beta, row["model"], *(_cell(row, column) for column in columns)]


def _cell(row: Row, column: Column) -> str:
    value = row.get(column.key)
    if value is None:
        return "-"
    doubtful = column.key in row.get("gap_doubtful", ())
    closed = None if doubtful else row.get("gap_closed", {}).get(column.key)
    share = "" if closed is None else f" ({closed:+.0%})"
    return f"{value * column.scale:.{column.digits}f}{share}"
