"""benchmarks/results.py takes what an evaluation found even if something could not be read, and no report of old."""

import importlib.util
from pathlib import Path

import cv2
import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "results.py"
OPTIONS = ("--no-reference", "--no-dcp", "--no-cache", "--pictures", "0")


@pytest.fixture(scope="module")
def results():
    spec = importlib.util.spec_from_file_location("results_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_report_with_problems_is_taken_and_one_of_an_earlier_run_is_not(
    results, small_runs, soft_picture, tmp_path, capfd
):
    photographs, folder, problems = tmp_path / "photographs", tmp_path / "report", []
    photographs.mkdir()
    cv2.imwrite(str(photographs / "good.png"), soft_picture(32, 48))
    (photographs / "broken.png").write_bytes(b"no picture")

    generator, segmenter = (str(small_runs / name / "best.ckpt") for name in ("generator", "segmenter"))

    def part(data):
        return results.Part("real", str(data), OPTIONS, str, [generator], [segmenter])

    report = results.evaluate(part(photographs), folder, problems)
    assert {row["scenes"] for row in report["rows"]} == {1}
    assert len(problems) == 1
    assert problems[0].startswith(f"real: {photographs / 'broken.png'}: ")

    problems.clear()
    assert results.evaluate(part(tmp_path / "nowhere"), folder, problems) is None
    assert problems == ["real: no report, as dfs evaluate ended with 1; its tables stay as they were"]
    assert (folder / "report.json").exists()
    assert f"{tmp_path / 'nowhere'}: no such file or folder" in capfd.readouterr().err
