"""report.json: the results as other programs read them."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from dfs_core.evaluation.results import Results


def to_json(results: Results) -> str:
    """Return the results without their pictures as strict JSON: what is not a finite number is null.

    Keys: `title`, `facts`, `methods`, `columns`, `rows` (see `dfs_core.evaluation.results.Row`), `frames` (`name`,
    `fog`, `scores`, `figures`), `notes`, `problems`; all in the order of the results.
    """
    frames = [
        {"name": frame.name, "fog": frame.fog, "scores": frame.scores, "figures": frame.figures}
        for frame in results.frames
    ]
    document = {
        "title": results.title,
        "facts": results.facts,
        "methods": results.methods,
        "columns": [asdict(column) for column in results.columns],
        "rows": results.rows,
        "frames": frames,
        "notes": results.notes,
        "problems": results.problems,
    }
    return json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: with lists, Python's own numbers, and None for NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
