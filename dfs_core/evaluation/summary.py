"""The figures that matter most, on the terminal: as many columns as fit into its width."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from dfs_core.evaluation.report.numbers import percent
from dfs_core.evaluation.report.tables import Table, make_tables
from dfs_core.evaluation.results import Column, Results

_GAP = "  "
_NAMES_SHARE = 0.3
"""Share of the width that names of methods may take; longer ones are cut."""
_SHARES = "With a sign: the share of the fog gap that was closed."


def print_summary(results: Results, console: Console) -> None:
    """Print a table for each judge: figures, and beside them the share of the fog gap that they close.

    Columns are left out from the last one on until the rest fits; what was left out is said.
    """
    for table in make_tables(results):
        if table.is_main:
            judged = f", judged by {table.judge}" if table.judge else ""
            console.print(Text(f"{results.title}{judged}", "bold"))
            for line in _lines(table, console.width):
                console.print(line, no_wrap=True, overflow="ignore", crop=False)


@dataclass(frozen=True)
class _Printed:
    """A column as text: its title in lines, and its cells from top to bottom, whether they are best, all of a width."""

    title: Sequence[str]
    cells: Sequence[tuple[str, bool]]
    width: int


def _lines(table: Table, width: int) -> Iterator[Text]:
    """Yield the lines of a table that is at most so many characters wide."""
    names = [line.model for group in table.groups for line in group.lines]
    first = min(max(map(cell_len, names)), int(_NAMES_SHARE * width))
    printed = [_print(table, number) for number in range(len(table.columns))]
    shown = _fitting(printed, width - len(_GAP) - first)
    yield from _head(shown, first)
    place = 0
    for group in table.groups:
        if group.fog:
            yield Text(group.fog, "cyan")
        for line in group.lines:
            parts: list[str | tuple[str, str]] = [_GAP, _cut(line.model, first)]
            for column in shown:
                text, best = column.cells[place]
                parts += [_GAP, (text, "bold" if best else "")]
            yield Text.assemble(*parts)
            place += 1
    notes = [_SHARES] if table.has_gaps else []
    if left_out := table.columns[len(shown) :]:
        notes.append(f"In the report: {'; '.join(column.title for column in left_out)}.")
    yield from (Text(line, "dim") for line in textwrap.wrap(" ".join(notes), width))
    yield Text()


def _print(table: Table, number: int) -> _Printed:
    """Return a column with its figures below each other, and its shares."""
    cells = [line.cells[number] for group in table.groups for line in group.lines]
    shares = ["" if cell.gap is None else percent(cell.gap) for cell in cells]
    figure, share = max(len(cell.text) for cell in cells), max(map(len, shares))
    texts = [
        cell.text.rjust(figure) + (f" {own.rjust(share)}" if share else "")
        for cell, own in zip(cells, shares, strict=True)
    ]
    column: Column = table.columns[number]
    width = max(len(texts[0]), *map(len, column.title.split()))
    title = textwrap.wrap(column.title, width)
    return _Printed(title, [(text.rjust(width), cell.best) for text, cell in zip(texts, cells, strict=True)], width)


def _fitting(columns: Sequence[_Printed], width: int) -> Sequence[_Printed]:
    """Return as many columns from the first on as fit; one at the least."""
    used = 0
    for number, column in enumerate(columns):
        used += len(_GAP) + column.width
        if used > width and number > 0:
            return columns[:number]
    return columns


def _head(columns: Sequence[_Printed], first: int) -> Iterator[Text]:
    """Yield the titles, whose last lines stand beside each other."""
    height = max(len(column.title) for column in columns)
    for level in range(height):
        words = [
            ("" if level < height - len(column.title) else column.title[level - height]).rjust(column.width)
            for column in columns
        ]
        yield Text(_GAP.join([" " * (len(_GAP) + first), *words]), "bold")


def _cut(name: str, width: int) -> str:
    """Return a name that takes so many cells of the terminal."""
    return set_cell_size(name, width) if cell_len(name) <= width else f"{set_cell_size(name, width - 1)}…"
