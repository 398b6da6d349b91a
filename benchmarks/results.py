r"""Write docs/results.md: what fog costs, and what DFS and others win back, on all the data that there is.

    python benchmarks/results.py --camvid CAMVID --photographs FOLDER --videos FOLDER \
        --model dfs_core/weights/dfs_fast.onnx --model gcanet=gcanet.onnx \
        --segmenter runs/segmenter/best.ckpt --segmenter runs/judge/best.ckpt --out runs/results

Each part is one `dfs evaluate`, whose report with all figures and pictures stays in the folder given with --out. What
was predicted before is not predicted again.

With --keep-rows what this run says nothing of stays in the tables as it was: rows of other methods, tables of other
judges. So one new model need not bring all others along.

The exit code is 1 if anything could not be read or computed. What there is of a part is written all the same; a part
without a report keeps the tables that it had.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]

CAMVID_BETAS = ("0", "0.005", "0.01", "0.02", "0.03", "0.05")
SCENES_BETAS = ("0.01", "0.02", "0.05")
DRAWN_SCENES = 50
DOCUMENT = Path(__file__).parents[1] / "docs" / "results.md"
BEGIN, END = "<!-- figures: {} -->", "<!-- end -->"


@dataclass(frozen=True)
class Part:
    """One evaluation: a section of the document is made of it.

    Attributes:
        name: of its report's folder, and of its section.
        data: what `dfs evaluate --data` takes.
        options: what else it takes.
        tables: makes the section of the report.
        models: what takes part, each as `dfs evaluate --model`.
        segmenters: who judges, each as `dfs evaluate --segmenter`.
    """

    name: str
    data: str
    options: tuple[str, ...]
    tables: Callable[[dict[str, Any]], str]
    models: Sequence[str]
    segmenters: Sequence[str]


def main() -> None:
    """Evaluate each part, then put its tables between its marks in the document."""
    options = _options()
    sections, problems = {}, []
    for part in _parts(options):
        report = evaluate(part, options.out / part.name, problems)
        if report is not None:
            sections[part.name] = part.tables(report)
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, tables in sections.items():
        text = _replaced(text, name, merged(_section(text, name)[1], tables) if options.keep_rows else tables)
    DOCUMENT.write_text(text, encoding="utf-8")
    print(f"{DOCUMENT}: written; the reports are in {options.out}")
    if problems:
        raise SystemExit("\n".join(problems))


def evaluate(part: Part, folder: Path, problems: list[str]) -> dict[str, Any] | None:
    """Evaluate one part.

    Args:
        part: what is to be evaluated.
        folder: of its report; one that is there is replaced.
        problems: what went wrong is added here, one line each.

    Returns:
        report.json; None if there is none from this run, or it has no rows.
    """
    command = ["dfs", "evaluate", "--data", part.data, *part.options, "--out", str(folder)]
    for word in part.models:
        command += ["--model", word]
    for word in part.segmenters:
        command += ["--segmenter", word]
    print(" ".join(command), flush=True)
    path = folder / "report.json"
    before = _written(path)
    words = [sys.executable, "-m", "dfs_core.cli", *command[1:]]
    code = subprocess.run(words, check=False, stdout=subprocess.DEVNULL).returncode  # 1 after whole reports, too
    if _written(path) == before:
        problems.append(f"{part.name}: no report, as dfs evaluate ended with {code}; its tables stay as they were")
        return None
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found = report["problems"] or ([f"dfs evaluate ended with {code}"] if code else [])
    problems += [f"{part.name}: {problem}" for problem in found]
    if not report["rows"]:
        problems.append(f"{part.name}: its report has no rows; its tables stay as they were")
        return None
    return report


def _written(path: Path) -> tuple[int, int] | None:
    """Return which file is there, and when it was written; None if there is none."""
    if not path.exists():
        return None
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camvid", type=Path, help="folder of CamVid; its tables stay as they are if not given")
    parser.add_argument("--photographs", type=Path, help="folder of photographs of real fog; likewise")
    parser.add_argument("--videos", type=Path, help="folder of videos; likewise")
    parser.add_argument(
        "--model", action="append", default=[], help="as `dfs evaluate --model`; videos get the first alone"
    )
    parser.add_argument("--segmenter", action="append", default=[], help="as `dfs evaluate --segmenter`; likewise")
    parser.add_argument("--keep-rows", action="store_true", help="keep the rows and tables that this run does not have")
    parser.add_argument("--out", type=Path, required=True, help="folder of the reports")
    return parser.parse_args()


def _parts(options: argparse.Namespace) -> list[Part]:
    def betas(values: Sequence[str]) -> tuple[str, ...]:
        return tuple(word for value in values for word in ("--beta", value))

    models, judges = options.model, options.segmenter
    parts = []
    if options.camvid:
        parts.append(Part("camvid", str(options.camvid), betas(CAMVID_BETAS), _judged, models, judges))
    drawn = (*betas(SCENES_BETAS), "--scenes", str(DRAWN_SCENES))
    parts.append(Part("scenes", "scenes", drawn, _judged, models, judges))
    real = ("--no-reference", "--pictures", "60")
    if options.photographs:
        parts.append(Part("photographs", str(options.photographs), real, _examined, models, judges[:1]))
    if options.videos:
        parts.append(Part("videos", str(options.videos), real, _steady, models[:1], judges[:1]))
    return parts


def _replaced(text: str, name: str, tables: str) -> str:
    head, _, tail = _section(text, name)
    return f"{head}{BEGIN.format(name)}\n\n{tables}\n{END}{tail}"


def _section(text: str, name: str) -> tuple[str, str, str]:
    """Return what is before a section's tables, these, and what is behind them."""
    begin = BEGIN.format(name)
    head, found, rest = text.partition(begin)
    tables, closed, tail = rest.partition(END)
    if not (found and closed):
        raise SystemExit(f"{DOCUMENT}: no place for '{name}'; it needs a line {begin} and, below it, a line {END}")
    return head, tables.strip(), tail


def merged(before: str, now: str) -> str:
    """Return the tables of now, with the rows and the tables that only `before` has.

    Tables are the same by the words above them, up to a comma, and rows by the first two columns, of which an empty one
    stands for the one above it. New rows come before the last of their density, which is the clear scene.
    """
    old, new = _by_heading(before), _by_heading(now)
    paragraphs = []
    for words in dict.fromkeys([*old, *new]):
        heading, lines = new.get(words) or old[words]
        if words in new and words in old:
            lines = _merged_rows(old[words][1], lines)
        paragraphs += [*([heading] if heading else []), "\n".join(lines)]
    return "\n\n".join(paragraphs) + "\n"


def _by_heading(tables: str) -> dict[str, tuple[str, list[str]]]:
    """Return heading and lines of each table, in their order; frames that are counted in a heading may be others."""
    found: dict[str, tuple[str, list[str]]] = {}
    heading = ""
    for paragraph in tables.strip().split("\n\n"):
        if paragraph.startswith("|"):
            found[re.sub(r"^\d+ ", "", heading).partition(",")[0].rstrip(":")] = (heading, paragraph.splitlines())
        heading = paragraph
    return found


def _merged_rows(before: list[str], now: list[str]) -> list[str]:
    if before[0] != now[0]:
        raise SystemExit(f"{DOCUMENT}: a table has other columns now, so no row can be kept:\n{before[0]}\n{now[0]}")
    grouped = now[0].split("|")[2].strip() == "method"
    old, new = (_by_key(lines[2:], grouped=grouped) for lines in (before, now))
    groups: dict[str, list[str]] = {}
    for group, method in old:
        groups.setdefault(group, []).append(method)
    for group, method in [key for key in new if key not in old]:
        methods = groups.setdefault(group, [])
        methods.insert(len(methods) - (methods[-1:] == ["clear"]), method)
    rows = []
    for group, methods in groups.items():
        for place, method in enumerate(methods):
            cells = new.get((group, method)) or old[group, method]
            first = [group if place == 0 else ""] if grouped else []
            rows.append("| " + " | ".join([*first, method, *cells]) + " |")
    return [*now[:2], *rows]


def _by_key(lines: list[str], *, grouped: bool) -> dict[tuple[str, str], list[str]]:
    """Return the cells of each row behind its group, "" where a table has none, and its method."""
    rows, group = {}, ""
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if grouped:
            group = cells.pop(0) or group
        rows[group, cells[0]] = cells[1:]
    return rows


def _judged(report: dict[str, Any]) -> str:
    """Return the figures of pictures once, and those of masks for each judge."""
    rows = [row for row in report["rows"] if row["part"] == "all"]
    judges = list(dict.fromkeys(row["judge"] for row in rows))
    own = [row for row in rows if row["judge"] == judges[0]]
    columns = (
        ("PSNR, dB", _plain("psnr", 2)),
        ("SSIM", _shared("ssim")),
        ("own mask, IoU class", _plain("own_mask_miou", 3)),
        ("β estimated, 1/m", _plain("fog_density", 4)),
        ("gated, %", _plain("gated", 1, 100.0)),
    )
    parts = [
        f"{own[0]['scenes']} frames. Pictures against the clear ones:",
        _table(own, columns),
    ]
    for judge in judges:
        columns = (
            ("IoU class", _shared("miou")),
            ("iIoU class", _shared("iiou")),
            ("IoU category", _shared("category_miou")),
            ("iIoU category", _shared("category_iiou")),
            ("map PSNR, dB (poster's)", _both("map_psnr", "poster_psnr", 2)),
            ("map SSIM (poster's)", _both("map_ssim", "poster_ssim", 3)),
        )
        parts += [f"Judged by `{judge}`:", _table([row for row in rows if row["judge"] == judge], columns)]
    parts += ["What they cost at that size, and took in that run:", _costs(report)]
    return "\n\n".join(parts) + "\n"


def _examined(report: dict[str, Any]) -> str:
    rows = [row for row in report["rows"] if row["part"] == "all"]
    rows = [row for row in rows if row["judge"] == rows[0]["judge"]]
    columns = (
        ("contrast", _plain("contrast", 3)),
        ("e", _plain("new_edges", 2)),
        ("r", _plain("gradient_gain", 2)),
        ("β left, 1/m", _plain("fog_density", 4)),
        ("confidence", _plain("confidence", 3)),
        ("blackened, %", _plain("blackened", 2, 100.0)),
        ("blown, %", _plain("blown", 2, 100.0)),
        ("cast, ΔE", _plain("cast", 1)),
        ("reversed, %", _plain("reversed", 2, 100.0)),
    )
    return f"{rows[0]['scenes']} photographs, means.\n\n{_table(rows, columns)}\n"


def _steady(report: dict[str, Any]) -> str:
    judge = report["rows"][0]["judge"]
    rows = [row for row in report["rows"] if row["flicker"] is not None and row["judge"] == judge]
    rows = [row for row in rows if row["part"] != "all"]
    columns = (
        ("frames", lambda row: str(row["scenes"])),
        ("flicker, levels", _plain("flicker", 2)),
        ("over contrast", _plain("flicker_relative", 4)),
    )
    return _table(rows, columns, by="part") + "\n"


def _table(rows: Sequence[Row], columns: Sequence[tuple[str, Callable[[Row], str]]], *, by: str = "beta") -> str:
    grouped = any(row[by] is not None for row in rows)
    head = (["β, 1/m" if by == "beta" else by] if grouped else []) + ["method"]
    lines = ["| " + " | ".join([*head, *(title for title, _ in columns)]) + " |"]
    lines.append("|" + "---|" * len(head) + "---:|" * len(columns))
    before = None
    for row in rows:
        first = [("" if row[by] == before else f"{row[by]}")] if grouped else []
        before = row[by]
        lines.append("| " + " | ".join([*first, row["model"], *(words(row) for _, words in columns)]) + " |")
    return "\n".join(lines)


def _plain(key: str, digits: int, scale: float = 1.0) -> Callable[[Row], str]:
    return lambda row: "" if row.get(key) is None else f"{scale * row[key]:.{digits}f}"


def _shared(key: str) -> Callable[[Row], str]:
    """Return a figure and, behind it, the share of the fog gap that it closes."""

    def words(row: Row) -> str:
        closed = None if key in row["gap_doubtful"] else row["gap_closed"].get(key)
        return _plain(key, 3)(row) + ("" if closed is None else f" ({100 * closed:+.0f} %)")

    return words


def _both(key: str, other: str, digits: int) -> Callable[[Row], str]:
    return lambda row: f"{_plain(key, digits)(row)} ({_plain(other, digits)(row)})"


def _costs(report: dict[str, Any]) -> str:
    lines = ["| method | parameters | GMAC | ms per frame |", "|---|---:|---:|---:|"]
    for entry in report["methods"]:
        parameters = "" if entry["parameters"] is None else f"{entry['parameters']:,}"
        macs = "" if entry["macs"] is None else f"{entry['macs'] / 1e9:.2f}"
        ms = "" if entry["ms_per_frame"] is None else f"{entry['ms_per_frame']:.0f}"
        lines.append(f"| {entry['model']} | {parameters} | {macs} | {ms} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
