"""The folder that a report is: index.html, report.json, report.md and panels/*.png."""

from pathlib import Path

import cv2

from dfs_core.errors import OutputError
from dfs_core.evaluation.report.machine import to_json
from dfs_core.evaluation.report.markdown import to_markdown
from dfs_core.evaluation.report.page import to_page
from dfs_core.evaluation.report.sheets import draw_sheets
from dfs_core.evaluation.results import Results


def write(results: Results, folder: Path) -> None:
    """Write a report.

    Args:
        results: what was found.
        folder: where the files go; it is made where it is missing. What else is in it stays.

    Raises:
        FrameError: a picture is neither JPEG nor PNG.
        OutputError: a file cannot be written there.
    """
    page, table, figures = to_page(results), to_markdown(results), to_json(results)
    try:
        panels = folder / "panels"
        panels.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text(page, encoding="utf-8")
        (folder / "report.md").write_text(table, encoding="utf-8")
        (folder / "report.json").write_text(figures, encoding="utf-8")
        for name, sheet in draw_sheets(results.frames):
            (panels / name).write_bytes(cv2.imencode(".png", sheet[..., ::-1])[1].tobytes())
    except OSError as error:
        raise OutputError(f"{folder}: the report cannot be written ({error.strerror}); name another output") from error
