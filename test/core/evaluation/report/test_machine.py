"""report.json is strict JSON with the rows as they were found."""

import json
import math

import numpy as np
import pytest

from dfs_core.evaluation.report.machine import plain, to_json
from dfs_core.evaluation.results import Results


def refuse(word: str) -> None:
    pytest.fail(f"{word} is no JSON")


def test_it_holds_all_but_pictures_in_the_order_of_the_results(results: Results) -> None:
    read = json.loads(to_json(results), parse_constant=refuse)
    assert list(read) == ["title", "facts", "methods", "columns", "rows", "frames", "notes", "problems"]
    assert read["rows"][1] == {
        "model": "dfs", "beta": 0.01, "part": "all", "judge": "lite", "psnr": 22.5, "miou": 0.55, "flicker": 0.02,
        "interval": {"miou": [0.54, 0.56]}, "gap_closed": {"miou": 0.5, "psnr": None},
        "class_iou": {"road": 0.55 + 0.3, "car": None},
    }  # fmt: skip
    assert read["columns"][2] == {
        "key": "flicker", "title": "flicker", "meaning": "Change between frames.", "digits": 3, "best": "lowest",
        "scale": 1.0,
    }  # fmt: skip
    assert read["frames"][0] == {
        "name": "street_a", "fog": "β = 0.01 / m", "scores": {"miou": 0.5, "psnr": 20.0},
        "figures": {"hazy": {"psnr": 18.0, "miou": None}, "dfs": {"psnr": 20.0, "miou": 0.5}},
    }  # fmt: skip


def test_what_is_not_finite_is_null(results: Results) -> None:
    read = json.loads(to_json(results), parse_constant=refuse)
    assert (read["rows"][5]["psnr"], read["rows"][7]["flicker"]) == (None, None)
    assert read["frames"][4]["scores"]["miou"] is None


def test_numbers_of_numpy_become_pythons() -> None:
    found = plain({"a": np.float32(0.5), "b": np.array([1.0, math.nan]), 3: (np.int64(4), True, "x", -math.inf)})
    assert json.dumps(found) == '{"a": 0.5, "b": [1.0, null], "3": [4, true, "x", null]}'
