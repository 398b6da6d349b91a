"""What a run writes down of its progress: JSON lines, the same as CSV, and the same for TensorBoard."""

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tensorboardX import SummaryWriter

from dfs_core.training.whole_file import disk_errors, write_whole

Row = dict[str, float | None]

LINES, TABLE, EVENTS = "metrics.jsonl", "metrics.csv", "tensorboard"


class MetricsLog:
    """Rows of numbers in the order of their steps, each step once, however often the run was stopped.

    Rows of steps that are about to be done again are dropped. A number that is not finite is null.

    Attributes:
        rows: all of them, each with its `step`.
    """

    def __init__(self, folder: Path, start: int) -> None:
        """Open the log of a run that goes on after `start` steps."""
        self._lines, self._table = folder / LINES, folder / TABLE
        self.rows = _kept_rows(self._lines, start)
        self._columns: list[str] = []
        write_whole(self._lines, "".join(map(_line, self.rows)).encode())
        self._write_table()
        self._events = SummaryWriter(
            str(folder / EVENTS),
            purge_step=start + 1 if start else None,  # readers hide later events that older files hold
            filename_suffix=f".{start}",
        )

    def __enter__(self) -> "MetricsLog":
        """Return the log."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the files."""
        self._events.close()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Write a row; it has reached the system when this returns, except for TensorBoard's.

        Raises:
            TrainingError: the disk is full.
        """
        row: Row = {"step": step}
        row |= {name: value if math.isfinite(value) else None for name, value in values.items()}
        self.rows.append(row)
        _append(self._lines, _line(row))
        if set(row) <= set(self._columns):
            _append(self._table, _as_csv(self._columns, [row]))
        else:
            self._write_table()
        for name, value in values.items():
            if math.isfinite(value):
                self._events.add_scalar(name, value, step)

    def flush(self) -> None:
        """Bring TensorBoard's rows to the system too."""
        self._events.flush()

    def _write_table(self) -> None:
        self._columns = list(dict.fromkeys(name for row in self.rows for name in row))
        write_whole(self._table, _as_csv(self._columns, self.rows, head=True).encode())


def _append(path: Path, text: str) -> None:
    with disk_errors(path), path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"


def _as_csv(columns: list[str], rows: list[Row], *, head: bool = False) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if head and columns:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _kept_rows(path: Path, start: int) -> list[Row]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("\n")]  # the last one may have been cut off
    return [row for row in rows if row["step"] <= start]
