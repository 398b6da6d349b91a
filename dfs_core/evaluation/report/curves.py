"""Figures over the density of the fog: small line charts that take their colours from the page they stand on."""

import html
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from dfs_core.evaluation.report.tables import CLEAR, EVERYTHING, HAZY, is_number, unique
from dfs_core.evaluation.results import Column, Results, Row

SERIES = 8
"""Colours that the page has for lines, as CSS variables --series-1 to --series-8."""

_MARKERS = "os^Dv<>P"
_INK = "#010203"
_LINES = [f"#0102{number:02x}" for number in range(16, 16 + SERIES)]
"""Colours that stand for the page's own until the picture is text."""


@dataclass(frozen=True)
class Chart:
    """One figure as one judge found it: what it is about, and an SVG element to stand in a page."""

    title: str
    meaning: str
    judge: str
    svg: str


def draw_charts(results: Results) -> list[Chart]:
    """Return a chart for each key of `curves` and judge; one that all judges agree on, such as PSNR, comes once."""
    rows = [row for row in results.rows if is_number(row.get("beta")) and row.get("part", EVERYTHING) == EVERYTHING]
    columns = {column.key: column for column in results.columns}
    judges = unique(row.get("judge") or "" for row in rows)
    charts: list[Chart] = []
    for key in results.curves:
        views = {
            judge: _lines(row for row in rows if (row.get("judge") or "") == judge and is_number(row.get(key)))
            for judge in judges
        }
        views = {judge: lines for judge, lines in views.items() if lines}
        same = len(views) > 1 and len({repr(_points(lines, key)) for lines in views.values()}) == 1
        for judge, lines in list(views.items())[: 1 if same else None]:
            column = columns[key]
            name = f"chart-{len(charts) + 1}"
            shown = "" if same else judge
            charts.append(Chart(column.title, column.meaning, shown, _draw(lines, column, results, name)))
    return charts


def series_of(model: str, results: Results) -> int | None:
    """Return the number of a method's colour and marker, from 1; None for the ends of the gap."""
    models = unique(row["model"] for row in results.rows if row["model"] not in {HAZY, CLEAR})
    return models.index(model) % SERIES + 1 if model in models else None


def _lines(rows: Iterator[Row]) -> dict[str, list[Row]]:
    lines: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["beta"]):
        lines.setdefault(row["model"], []).append(row)
    return lines


def _points(lines: dict[str, list[Row]], key: str) -> list[tuple[str, float, float]]:
    return [(model, row["beta"], row[key]) for model, rows in lines.items() for row in rows]


def _draw(lines: dict[str, list[Row]], column: Column, results: Results, name: str) -> str:
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 8.5}):
        figure = Figure(figsize=(4.0, 2.7), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        for model, rows in lines.items():
            _line(axes, rows, column, series_of(model, results), dotted=model == CLEAR)
        _style(axes, sorted({row["beta"] for rows in lines.values() for row in rows}))
        text = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    return _as_element(text.getvalue(), name, f"{column.title} over the density of the fog")


def _line(axes: Axes, rows: Sequence[Row], column: Column, series: int | None, *, dotted: bool) -> None:
    color = _INK if series is None else _LINES[series - 1]
    marker = None if series is None else _MARKERS[series - 1]
    style = "-" if series is not None else ":" if dotted else "--"
    betas = [row["beta"] for row in rows]
    axes.plot(
        betas,
        [row[column.key] * column.scale for row in rows],
        color=color,
        linestyle=style,
        marker=marker,
        markersize=4,
        linewidth=1.3 if series is None else 1.8,
        clip_on=False,
    )
    ends = [(row["beta"], *(row.get("interval") or {}).get(column.key, ())) for row in rows]
    bounded = [entry for entry in ends if len(entry) == 3 and all(map(is_number, entry))]
    if series is not None and bounded:
        where, low, high = (np.array(values) for values in zip(*bounded, strict=True))
        axes.fill_between(where, low * column.scale, high * column.scale, color=color, alpha=0.13, linewidth=0)


def _style(axes: Axes, betas: Sequence[float]) -> None:
    axes.set_xticks(betas, [f"{beta:g}" for beta in betas])
    axes.set_xlabel("β in 1/m")
    axes.grid(axis="y", color=_INK, alpha=0.14, linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set(color=_INK, alpha=0.5)
    axes.tick_params(colors=_INK, length=0)
    axes.xaxis.label.set_color(_INK)


def _as_element(document: str, name: str, label: str) -> str:
    """Return an SVG file as an element: with the page's colours and font, and names that no other chart has."""
    svg = document[document.index("<svg") :]
    box = re.search(r'viewBox="([^"]+)"', svg)
    assert box is not None  # noqa: S101 - matplotlib always writes one
    svg = f'<svg viewBox="{box[1]}" role="img" aria-label="{html.escape(label)}">{svg[svg.index(">") + 1 :]}'
    svg = re.sub(r'(id="|url\(#|xlink:href="#)', rf"\g<1>{name}-", svg).replace("xlink:href", "href")
    for number, color in enumerate(_LINES, start=1):
        svg = svg.replace(color, f"var(--series-{number})")
    return svg.replace(_INK, "currentColor")
