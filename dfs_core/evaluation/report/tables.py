"""The tables of a report: which rows and columns they have, what their cells say, and which are best."""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeGuard, TypeVar

from dfs_core.evaluation.report.numbers import figure, interval
from dfs_core.evaluation.results import CLEAR, EVERYTHING, HAZY, Column, Results, Row
from dfs_core.optics import mor_from_attenuation

T = TypeVar("T", bound=Hashable)

LEGEND = (
    "Bold: the best under its fog, but for clear frames, the bound. In brackets: 95 % interval. With a sign, in per "
    "cent: the share of the fog gap closed, (method − hazy) / (clear − hazy), where fog surely costs something."
)
"""What the marks in tables of fogs mean."""


@dataclass(frozen=True)
class Cell:
    """One figure of one method.

    Attributes:
        text: the figure.
        interval: its 95 % interval; None where there is none.
        gap: the share of the fog gap closed; None where there is none, and for the ends of the gap.
        best: whether no method under the same fog is better; never said of the bound, nor where none competes.
        gain: how far it is from hazy frames' under the same fog, in the units that are printed.
    """

    text: str
    interval: str | None = None
    gap: float | None = None
    best: bool = False
    gain: float | None = None


@dataclass(frozen=True)
class Line:
    """One method: its name, and a cell for each column."""

    model: str
    cells: tuple[Cell, ...]

    @property
    def is_reference(self) -> bool:
        """Whether it is an end of the gap."""
        return self.model in {HAZY, CLEAR}


@dataclass(frozen=True)
class Group:
    """The methods under one fog; `fog` says which, and is empty where the data's own is used."""

    fog: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    """What one judge found on one part of the data; without a judge, `judge` is empty."""

    judge: str
    part: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]

    @property
    def has_gaps(self) -> bool:
        """Whether a share of the fog gap stands in it."""
        return any(cell.gap is not None for group in self.groups for line in group.lines for cell in line.cells)

    @property
    def is_main(self) -> bool:
        """Whether it is about all the data."""
        return self.part == EVERYTHING


def make_tables(results: Results) -> list[Table]:
    """Return a table for each judge and part, in the order of the rows, those about all the data first."""
    tables = []
    for judge, part in sorted(unique(map(_place, results.rows)), key=lambda place: place[1] != EVERYTHING):
        rows = [row for row in results.rows if _place(row) == (judge, part)]
        columns = tuple(column for column in results.columns if any(is_number(row.get(column.key)) for row in rows))
        if columns:
            tables.append(Table(judge, part, columns, _groups(rows, columns)))
    return tables


def make_class_tables(results: Results) -> list[Table]:
    """Return a table of the IoU of each class for each judge, on all the data."""
    tables = []
    for judge in unique(judge for judge, _ in map(_place, results.rows)):
        rows = [row for row in results.rows if _place(row) == (judge, EVERYTHING) and row.get("class_iou")]
        names = unique(name for row in rows for name in row["class_iou"])
        columns = tuple(Column(name, name, f"IoU of {name}, %", digits=1, scale=100.0) for name in names)
        if columns:
            plain = [{"model": row["model"], "beta": row.get("beta"), **row["class_iou"]} for row in rows]
            tables.append(Table(judge, EVERYTHING, columns, _groups(plain, columns)))
    return tables


def name_fog(beta: float | None) -> str:
    """Return the words for a fog: its attenuation coefficient, and how far one sees in it."""
    if beta is None:
        return ""
    if not beta > 0.0:
        return "no fog"
    return f"β = {beta:g} / m · visibility {mor_from_attenuation(beta):.0f} m"


def is_number(value: object) -> TypeGuard[float]:
    """Whether there is a figure."""
    return isinstance(value, (int, float)) and not math.isnan(value)


def unique(values: Iterable[T]) -> list[T]:
    """Return the values without repetitions, in the order of their first."""
    return list(dict.fromkeys(values))


def _place(row: Row) -> tuple[str, str]:
    return row.get("judge") or "", row.get("part") or EVERYTHING


def _groups(rows: Sequence[Row], columns: Sequence[Column]) -> tuple[Group, ...]:
    groups = []
    for beta in unique(row.get("beta") for row in rows):
        group = [row for row in rows if row.get("beta") == beta]
        hazy = next((row for row in group if row["model"] == HAZY), {})
        best = {column.key: _best(group, column) for column in columns}
        lines = tuple(
            Line(row["model"], tuple(_cell(row, hazy, column, best[column.key]) for column in columns)) for row in group
        )
        groups.append(Group(name_fog(beta), lines))
    return tuple(groups)


def _cell(row: Row, hazy: Row, column: Column, best: float | None) -> Cell:
    value, start, model = row.get(column.key), hazy.get(column.key), row["model"]
    doubtful = column.key in (row.get("gap_doubtful") or ())
    gap = None if doubtful else (row.get("gap_closed") or {}).get(column.key)
    return Cell(
        figure(value, column),
        interval((row.get("interval") or {}).get(column.key), column),
        gap if is_number(gap) and model not in {HAZY, CLEAR} else None,
        best is not None and model != CLEAR and value == best,
        (value - start) * column.scale if is_number(value) and is_number(start) else None,
    )


def _best(rows: Sequence[Row], column: Column) -> float | None:
    """Return the best figure among the methods but the bound; None unless two compete and differ."""
    values = [row[column.key] for row in rows if row["model"] != CLEAR and is_number(row.get(column.key))]
    if column.best is None or len(set(values)) < 2:
        return None
    return max(values) if column.best == "highest" else min(values)
