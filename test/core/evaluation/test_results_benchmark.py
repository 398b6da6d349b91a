"""benchmarks/results.py takes what an evaluation found even if something could not be read, and no report of old."""

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import helper

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "results.py"
OPTIONS = ("--no-reference", "--no-dcp", "--no-cache", "--pictures", "0")


@pytest.fixture(scope="module")
def results():
    spec = importlib.util.spec_from_file_location("results_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def plain_networks(graph, tmp_path):
    """What gives pictures back as they are, and a segmenter of one layer."""
    sides = ["N", 3, "H", "W"]
    weights = {"w": np.random.default_rng(0).normal(size=(11, 3, 1, 1)).astype(np.float32)}
    convolution = helper.make_node("Conv", ["x", "w"], ["y"])
    judge = graph(tmp_path / "judge.onnx", [convolution], weights, given=sides, made=["N", 11, "H", "W"])
    judge.with_suffix(".json").write_text(json.dumps({"label_set": "camvid-11", "mean": [0.5] * 3, "std": [0.2] * 3}))
    identity = [helper.make_node("Identity", ["x"], ["y"])]
    return graph(tmp_path / "same.onnx", identity, {}, given=sides, made=sides), judge


def test_report_with_problems_is_taken_and_one_of_an_earlier_run_is_not(
    results, plain_networks, soft_picture, tmp_path, capfd
):
    photographs, folder, problems = tmp_path / "photographs", tmp_path / "report", []
    photographs.mkdir()
    cv2.imwrite(str(photographs / "good.png"), soft_picture(32, 48))
    (photographs / "broken.png").write_bytes(b"no picture")

    dehazer, judge = plain_networks

    def part(data):
        return results.Part("real", str(data), OPTIONS, str, [str(dehazer)], [str(judge)])

    report = results.evaluate(part(photographs), folder, problems)
    assert {row["scenes"] for row in report["rows"]} == {1}
    assert len(problems) == 1
    assert problems[0].startswith(f"real: {photographs / 'broken.png'}: ")

    problems.clear()
    assert results.evaluate(part(tmp_path / "nowhere"), folder, problems) is None
    assert problems == ["real: no report, as dfs evaluate ended with 1; its tables stay as they were"]
    assert (folder / "report.json").exists()
    assert f"{tmp_path / 'nowhere'}: no such file or folder" in capfd.readouterr().err


BEFORE = """2 frames. Pictures against the clear ones:

| β, 1/m | method | PSNR, dB |
|---|---|---:|
| 0.01 | hazy | 10.00 |
|  | ours | 11.00 |
|  | other | 12.00 |
|  | clear |  |
| 0.02 | ours | 9.00 |

Judged by `old`, before the model that ships now:

| β, 1/m | method | IoU class |
|---|---|---:|
| 0.01 | other | 0.500 |

What they cost at that size, and took in that run:

| method | GMAC |
|---|---:|
| ours | 1.00 |
| other | 2.00 |
"""

NOW = """3 frames. Pictures against the clear ones:

| β, 1/m | method | PSNR, dB |
|---|---|---:|
| 0.01 | hazy | 10.01 |
|  | ours | 11.01 |
|  | third | 13.00 |
|  | clear |  |

Judged by `new`:

| β, 1/m | method | IoU class |
|---|---|---:|
| 0.01 | ours | 0.600 |

What they cost at that size, and took in that run:

| method | GMAC |
|---|---:|
| ours | 0.90 |
"""

MERGED = """3 frames. Pictures against the clear ones:

| β, 1/m | method | PSNR, dB |
|---|---|---:|
| 0.01 | hazy | 10.01 |
|  | ours | 11.01 |
|  | other | 12.00 |
|  | third | 13.00 |
|  | clear |  |
| 0.02 | ours | 9.00 |

Judged by `old`, before the model that ships now:

| β, 1/m | method | IoU class |
|---|---|---:|
| 0.01 | other | 0.500 |

What they cost at that size, and took in that run:

| method | GMAC |
|---|---:|
| ours | 0.90 |
| other | 2.00 |

Judged by `new`:

| β, 1/m | method | IoU class |
|---|---|---:|
| 0.01 | ours | 0.600 |
"""


def test_rows_that_a_run_does_not_have_are_kept(results):
    assert results.merged(BEFORE, NOW) == MERGED


def test_tables_of_the_document_are_kept_as_they_are(results):
    text = results.DOCUMENT.read_text(encoding="utf-8")
    for name in ("camvid", "scenes", "photographs", "videos"):
        _, tables, _ = results._section(text, name)
        assert results.merged(tables, tables) == tables + "\n"
