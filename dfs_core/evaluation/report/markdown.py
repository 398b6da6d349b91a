"""report.md: the tables as GitHub shows them, fit to be pasted into documents."""

import re
from collections.abc import Iterable, Sequence

from dfs_core.evaluation.report.numbers import amount, fixed, percent
from dfs_core.evaluation.report.tables import LEGEND, Cell, Table, make_class_tables, make_tables
from dfs_core.evaluation.results import Column, Results

_SPECIAL = re.compile(r"[\\`|*\[\]~#]|(?<![^\W_])_|_(?![^\W_])")
_ARROWS = {"highest": " ↑", "lowest": " ↓", None: ""}


def to_markdown(results: Results) -> str:
    """Return the report: facts, problems, tables, methods, what the columns mean, notes."""
    parts = [f"# {escape(results.title)}", _listed(f"{name}: {value}" for name, value in results.facts.items())]
    if results.problems:
        parts += [f"## Problems ({len(results.problems)})", _listed(results.problems)]
    for number, table in enumerate(make_tables(results)):
        parts += [f"## {escape(_heading(table))}", LEGEND if number == 0 and table.has_gaps else "", _table(table)]
    for table in make_class_tables(results):
        parts += [f"## {escape(_heading(table, 'IoU of each class in per cent'))}", _table(table)]
    if results.methods:
        parts += ["## Methods", _methods(results)]
    if results.columns:
        parts += ["## Columns", _listed(f"{column.title}: {column.meaning}" for column in results.columns)]
    if results.notes:
        parts += ["## Notes", _listed(results.notes)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, in one line, inside a table too."""
    flat = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(lambda match: "\\" + match[0], flat)


def _heading(table: Table, what: str = "Results") -> str:
    judged = f"{what}, judged by {table.judge}" if table.judge else what
    return judged if table.is_main else f"{judged}, on {table.part}"


def _table(table: Table) -> str:
    with_fog = any(group.fog for group in table.groups)
    head = [*(["fog"] if with_fog else []), "method", *map(_title, table.columns)]
    lines = []
    for group in table.groups:
        for number, line in enumerate(group.lines):
            fog = [escape(group.fog) if number == 0 else ""] if with_fog else []
            lines.append([*fog, escape(line.model), *map(_words, line.cells)])
    return _grid(head, lines, texts=len(head) - len(table.columns))


def _title(column: Column) -> str:
    return escape(column.title) + _ARROWS[column.best]


def _words(cell: Cell) -> str:
    words = f"**{cell.text}**" if cell.best else cell.text
    if cell.interval is not None:
        words += f" {cell.interval}"
    return words if cell.gap is None else f"{words} ({percent(cell.gap)})"


def _methods(results: Results) -> str:
    lines = [
        [
            escape(method["model"]),
            escape(method.get("source") or ""),
            amount(method.get("parameters")),
            amount(method.get("macs")),
            fixed(method.get("ms_per_frame"), 1),
        ]
        for method in results.methods
    ]
    return _grid(["method", "source", "parameters", "MACs", "ms per frame"], lines, texts=2)


def _grid(head: Sequence[str], lines: Iterable[Sequence[str]], *, texts: int) -> str:
    """Return a table whose first `texts` columns are words, the others numbers."""
    rule = ["---"] * texts + ["--:"] * (len(head) - texts)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)
