"""The curves of a run: the terms of the loss, and what the validations found, over the steps."""

import io
from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

LOSSES, FIGURES = "loss/", "validation/"
"""How the names of the columns begin that are drawn, in the upper and in the lower half."""


def draw_curves(rows: Sequence[Mapping[str, float | None]]) -> bytes:
    """Return a PNG: the loss terms above on a logarithmic scale, each validation figure below on its own scale.

    Args:
        rows: with a `step` each; what a row does not have is no point of its curve.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    figures = [name for name in names if name.startswith(FIGURES) and "@" not in name]
    figure = Figure(figsize=(8, 4 + 1.6 * len(figures)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1 + len(figures), 1, sharex=True, squeeze=False, height_ratios=[4, *[1.6] * len(figures)])
    upper, *lower = axes[:, 0]
    for name in (name for name in names if name.startswith(LOSSES)):
        upper.plot(*_curve(rows, name), label=name.removeprefix(LOSSES), linewidth=1)
    upper.set_yscale("log")
    upper.set_ylabel("loss")
    upper.legend(loc="upper right", fontsize="small", ncols=2)
    for axis, name in zip(lower, figures, strict=True):
        axis.plot(*_curve(rows, name), marker=".", color="black", linewidth=1)
        axis.set_ylabel(name.removeprefix(FIGURES))
    for axis in (upper, *lower):
        axis.grid(visible=True, alpha=0.3)
    axes[-1, 0].set_xlabel("step")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    return picture.getvalue()


def _curve(rows: Sequence[Mapping[str, float | None]], name: str) -> tuple[list[float], list[float]]:
    points = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
    return [step for step, _ in points], [value for _, value in points]  # type: ignore[misc]
