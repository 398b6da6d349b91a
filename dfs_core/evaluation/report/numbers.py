"""How numbers are printed, on the page and in Markdown alike."""

import math

from dfs_core.evaluation.results import Column

MISSING = "–"
"""Stands where there is no figure."""

_SIZES = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"))


def fixed(value: float | None, digits: int, scale: float = 1.0) -> str:
    """Return a number times a scale, with so many digits after the point and a true minus sign."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value * scale:.{digits}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def figure(value: float | None, column: Column | None) -> str:
    """Return a number as its column prints it; to four significant digits where it has none."""
    if column is not None:
        return fixed(value, column.digits, column.scale)
    if value is None or not math.isfinite(value):
        return fixed(value, 0)
    return f"{value:.4g}".replace("-", "−")


def interval(ends: tuple[float | None, float | None] | None, column: Column) -> str | None:
    """Return an interval as its column prints numbers; None where an end is missing."""
    if ends is None or any(end is None or math.isnan(end) for end in ends):
        return None
    return f"[{', '.join(figure(end, column) for end in ends)}]"


def percent(share: float) -> str:
    """Return a share as whole per cent with its sign."""
    text = fixed(share, 0, 100.0)
    return f"{text if text.startswith('−') or text == '0' else '+' + text} %"


def amount(value: float | None) -> str:
    """Return a count to three significant digits with a unit prefix: 4.65 M."""
    if value is None or not math.isfinite(value):
        return MISSING
    for size, prefix in _SIZES:
        if abs(value) >= size * 0.9995:
            scaled = value / size
            return f"{scaled:.{max(0, 3 - len(str(int(round(scaled, 2)))))}f}{prefix}"
    return f"{value:.3g}"
