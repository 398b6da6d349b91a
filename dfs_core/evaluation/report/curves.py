"""Figures over the density of the fog: small line charts that take their colours from the page they stand on."""

import html
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from dfs_core.evaluation.report.numbers import figure as print_figure
from dfs_core.evaluation.report.tables import is_number, unique
from dfs_core.evaluation.results import CLEAR, EVERYTHING, HAZY, Column, Results, Row

SERIES = 8
"""Colours that the page has for lines, as CSS variables --series-1 to --series-8."""

_MARKERS = "os^Dv<>P"
_INK = "#010203"
_COLORS = [f"#0102{number:02x}" for number in range(16, 16 + SERIES)]
"""Colours that stand for the page's own until the picture is text."""
_TALLEST_BOUND = 2.0
"""How far away, in heights of all other lines together, the bound may be; farther off it would flatten them."""

Lines = dict[str, list[Row]]


@dataclass(frozen=True)
class Chart:
    """One figure as one judge found it.

    Attributes:
        title: what it shows, with the unit.
        meaning: the same in a sentence.
        judge: who found it; empty where all judges agree or there is but one.
        off_scale: what is not drawn because it is too far from all else; mostly empty.
        svg: an SVG element that can stand in a page; it holds no text from outside but the title.
    """

    title: str
    meaning: str
    judge: str
    off_scale: str
    svg: str


def draw_charts(results: Results) -> list[Chart]:
    """Return a chart for each key of `curves` and judge; one that all judges agree on, such as PSNR, comes once."""
    rows = [row for row in results.rows if is_number(row.get("beta")) and row.get("part", EVERYTHING) == EVERYTHING]
    columns = {column.key: column for column in results.columns}
    charts: list[Chart] = []
    for key in results.curves:
        views = _views(row for row in rows if is_number(row.get(key)))
        agreed = len({repr(_points(lines, key)) for lines in views.values()}) == 1
        for judge, lines in list(views.items())[: 1 if agreed else None]:
            column, shown = columns[key], dict(lines)
            off_scale = _take_distant_bound(shown, column)
            svg = _draw(shown, column, results, f"chart-{len(charts) + 1}")
            charts.append(Chart(column.title, column.meaning, "" if agreed else judge, off_scale, svg))
    return charts


def series_of(model: str, results: Results) -> int | None:
    """Return the number of a method's colour and marker, from 1; None for the ends of the gap."""
    models = unique(row["model"] for row in results.rows if row["model"] not in {HAZY, CLEAR})
    return models.index(model) % SERIES + 1 if model in models else None


def _views(rows: Iterable[Row]) -> dict[str, Lines]:
    """Return the rows by judge and method, in their order but for β, which rises."""
    views: dict[str, Lines] = {}
    for row in rows:
        views.setdefault(row.get("judge") or "", {}).setdefault(row["model"], []).append(row)
    for lines in views.values():
        for line in lines.values():
            line.sort(key=lambda row: row["beta"])
    return views


def _points(lines: Lines, key: str) -> list[tuple[str, float, float]]:
    return [(model, row["beta"], row[key]) for model, line in lines.items() for row in line]


def _take_distant_bound(lines: Lines, column: Column) -> str:
    """Take the bound out of the lines where it is far from all others, and return the words that say where it is."""
    others = [value for model, _, value in _points(lines, column.key) if model != CLEAR]
    bound = [row[column.key] for row in lines.get(CLEAR, ())]
    if not bound or len(set(others)) < 2:
        return ""
    low, high = min(others), max(others)
    if max(low - min(bound), max(bound) - high) <= _TALLEST_BOUND * (high - low):
        return ""
    del lines[CLEAR]
    ends = unique(print_figure(value, column) for value in (min(bound), max(bound)))
    return f"{CLEAR}, at {' to '.join(ends)}, is off the scale"


def _draw(lines: Lines, column: Column, results: Results, name: str) -> str:
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9.5}):
        chart = Figure(figsize=(4.0, 2.8), layout="constrained")
        FigureCanvasSVG(chart)
        axes = chart.subplots()
        for model, line in lines.items():
            _draw_line(axes, line, column, series_of(model, results), style=":" if model == CLEAR else "--")
        _style(axes, sorted({row["beta"] for line in lines.values() for row in line}))
        text = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        chart.savefig(text, format="svg", transparent=True, metadata=nothing)
    return _as_element(text.getvalue(), name, f"{column.title} over the density of the fog")


def _draw_line(axes: Axes, line: Sequence[Row], column: Column, series: int | None, *, style: str) -> None:
    """Draw a method in its colour with its interval, or in the style of an end of the gap."""
    betas, values = ([row[key] for row in line] for key in ("beta", column.key))
    scaled = column.scale * np.array(values, float)
    if series is None:
        axes.plot(betas, scaled, color=_INK, linestyle=style, linewidth=1.4)
        return
    color = _COLORS[series - 1]
    axes.plot(betas, scaled, color=color, marker=_MARKERS[series - 1], markersize=4.5, linewidth=1.8, clip_on=False)
    ends = [(row["beta"], *(row.get("interval") or {}).get(column.key, ())) for row in line]
    bounded = [entry for entry in ends if len(entry) == 3 and all(map(is_number, entry))]
    if bounded:
        where, low, high = (np.array(entries) for entries in zip(*bounded, strict=True))
        axes.fill_between(where, column.scale * low, column.scale * high, color=color, alpha=0.13, linewidth=0)


def _style(axes: Axes, betas: Sequence[float]) -> None:
    axes.set_xticks(betas, [f"{beta:g}" for beta in betas])
    axes.set_xlabel("β in 1/m", color=_INK)
    axes.grid(axis="y", color=_INK, alpha=0.16, linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set(color=_INK, alpha=0.5)
    axes.tick_params(colors=_INK, length=0)


def _as_element(document: str, name: str, label: str) -> str:
    """Return an SVG file as an element: with the page's colours, and names that no other chart has."""
    svg = document[document.index("<svg") :]
    box = re.search(r'viewBox="([^"]+)"', svg)
    assert box is not None  # noqa: S101 - matplotlib always writes one
    svg = f'<svg viewBox="{box[1]}" role="img" aria-label="{html.escape(label)}">{svg[svg.index(">") + 1 :]}'
    svg = re.sub(r'(id="|url\(#|xlink:href="#)', rf"\g<1>{name}-", svg).replace("xlink:href", "href")
    for number, color in enumerate(_COLORS, start=1):
        svg = svg.replace(color, f"var(--series-{number})")
    return svg.replace(_INK, "currentColor")
