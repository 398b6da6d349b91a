"""index.html: one file that opens from a disk, with everything in it."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dfs_core.evaluation.report.curves import draw_charts, series_of
from dfs_core.evaluation.report.gallery import make_gallery
from dfs_core.evaluation.report.numbers import amount, fixed, percent
from dfs_core.evaluation.report.tables import LEGEND, make_class_tables, make_tables, unique
from dfs_core.evaluation.results import Results

_PARTS = Path(__file__).parent / "page"
_SCRIPTS = ("compare.js", "browser.js")


def to_page(results: Results) -> str:
    """Return the page.

    It asks for nothing from anywhere: its policy allows pictures that are in it, and the one script that it came with.

    Raises:
        FrameError: a picture is neither JPEG nor PNG, or damaged.
    """
    script = "\n" + "\n".join((_PARTS / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    environment = Environment(
        loader=PackageLoader("dfs_core.evaluation.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "allow_nan": False, "ensure_ascii": False}
    environment.filters |= {"amount": amount, "fixed": fixed, "percent": percent, "unbroken": _unbroken}
    tables = make_tables(results)
    labels = results.labels.classes if results.labels else ()
    return environment.get_template("index.html").render(
        results=results,
        tables=[table for table in tables if table.is_main],
        parts=[table for table in tables if not table.is_main],
        legend=LEGEND,
        classes=make_class_tables(results),
        colors={label.name: "#{:02x}{:02x}{:02x}".format(*label.color) for label in labels},
        charts=[(chart, Markup(chart.svg)) for chart in draw_charts(results)],  # noqa: S704 - drawn by us, holds no text of others
        models=unique(row["model"] for row in results.rows),
        series={row["model"]: series_of(row["model"], results) for row in results.rows},
        gallery=make_gallery(results),
        style=Markup((_PARTS / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - files of this package
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )


def _unbroken(title: str) -> str:
    """Return the title of a column that no line break parts from its unit."""
    return title.replace(" / ", "\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}").replace(", ", ",\N{NO-BREAK SPACE}")
