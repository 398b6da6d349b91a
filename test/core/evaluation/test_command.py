"""`dfs evaluate` as a user calls it: real models, real files, and what it says when something is wrong."""

import json
import sys

import cv2
import pytest

from dfs_core.cli import main


@pytest.fixture
def dfs(capsys, monkeypatch, tmp_path):
    """Run the program; returns exit code, standard output and standard error."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words):
        arguments = [str(word) for word in words]
        monkeypatch.setattr(sys, "argv", ["dfs", *arguments])
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


@pytest.fixture
def evaluate(dfs, small_model, tmp_path):
    def run(*words):
        models = ("--model", small_model, "--segmenter", small_model)
        return dfs("evaluate", *models, "--out", tmp_path / "report", *words)

    return run


def test_report_holds_every_row_and_says_how_it_was_made(evaluate, camvid, tmp_path):
    code, said, _ = evaluate(
        "--data", camvid, "--beta", "0.02", "0.05", "--pictures", "2", "--json", tmp_path / "rows.json"
    )
    assert code == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [(row["model"], row["beta"]) for row in report["rows"]] == [
        (model, beta) for beta in (0.02, 0.05) for model in ("hazy", "dcp", "small_dfs", "clear")
    ]
    assert "--beta 0.02 0.05" in report["facts"]["command"]
    assert json.loads((tmp_path / "rows.json").read_text()) == report
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "index.html",
        "report.json",
        "report.md",
        "panels",
    }
    assert len(list((tmp_path / "report" / "panels").iterdir())) == 2
    assert "small_dfs" in said
    by_model = {entry["model"]: entry for entry in report["methods"]}
    assert by_model["hazy"]["parameters"] == by_model["dcp"]["macs"] == 0
    assert by_model["small_dfs"]["parameters"] > 1000
    assert by_model["small_dfs"]["ms_per_frame"] > 0


def test_second_run_replaces_the_report_and_asks_nobody(evaluate, camvid, tmp_path):
    evaluate("--data", camvid, "--beta", "0.05", "--pictures", "0")
    first = json.loads((tmp_path / "report" / "report.json").read_text())
    assert (tmp_path / "cache" / "dfs" / "evaluation.sqlite").is_file()
    evaluate("--data", camvid, "--beta", "0.05", "--pictures", "0")
    second = json.loads((tmp_path / "report" / "report.json").read_text())
    for report in (first, second):
        for entry in report["methods"]:
            entry.pop("ms_per_frame")  # measured anew
    assert second == first


def test_folder_that_is_no_report_is_left_alone(evaluate, camvid, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "thesis.txt").write_text("years of work")
    code, _, complaint = evaluate("--data", camvid)
    assert code == 1
    assert "holds thesis.txt, which is no part of a report, and is left as it is" in complaint
    (tmp_path / "report" / "report.json").write_text("{}")  # as other programs write it, too
    code, _, complaint = evaluate("--data", camvid)
    assert code == 1
    assert "holds thesis.txt" in complaint
    assert (tmp_path / "report" / "thesis.txt").read_text() == "years of work"


def test_outputs_that_cannot_be_written_are_refused_before_the_work(evaluate, dfs, camvid, tmp_path):
    (tmp_path / "notes").touch()
    code, _, complaint = dfs("evaluate", "--data", camvid, "--out", tmp_path / "notes")
    assert (code, "notes: is a file; name a folder with --out" in complaint) == (1, True)
    code, _, complaint = dfs("evaluate", "--data", camvid, "--out", tmp_path / "notes" / "report")
    assert (code, "report: cannot be written" in complaint) == (1, True)
    (tmp_path / "thesis").mkdir()
    code, _, complaint = evaluate("--data", camvid, "--json", tmp_path / "thesis")
    assert (code, "thesis: is a folder; name a file with --json" in complaint) == (1, True)
    assert (tmp_path / "thesis").is_dir()
    assert "evaluating" not in complaint


@pytest.mark.parametrize(
    ("words", "complained"),
    [
        (("--scenes", "1", "0.02"), "got 0.02, but no option that takes it"),
        (("--no-reference", "--beta", "0.02"), "no fog is put into pictures without ground truth"),
        (("--seed", "-1"), "'--seed': Input should be greater than or equal to 0"),
        (("--pictures", "-1"), "'--pictures': Input should be greater than or equal to 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(evaluate, camvid, words, complained):
    code, _, complaint = evaluate("--data", camvid, *words)
    assert code == 2
    assert complained in complaint


def test_damaged_file_is_named_and_the_rest_is_done(evaluate, camvid_copy, tmp_path):
    (camvid_copy / "val" / "images" / "0016E5_00002.jpg").write_bytes(b"damaged")
    code, said, complaint = evaluate("--data", camvid_copy, "--beta", "0.05")
    assert code == 1
    assert "1 thing could not be read" in complaint
    assert "0016E5_00002.jpg: cannot be decoded" in complaint.replace("\n", "")
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert {row["scenes"] for row in report["rows"]} == {3}
    assert len(report["problems"]) == 1
    assert "report:" in said


def test_photographs_are_evaluated_without_reference(evaluate, camvid, tmp_path):
    code, _, _ = evaluate("--data", camvid / "val" / "images", "--no-reference")
    assert code == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [row["model"] for row in report["rows"]] == ["hazy", "dcp", "small_dfs"]
    assert report["rows"][0]["fog_density"] > 0


def test_rows_have_names_of_their_own(dfs, small_model, camvid, tmp_path):
    models = ("--model", small_model, "--model", small_model)
    code, _, complaint = dfs("evaluate", "--data", camvid, *models, "--out", tmp_path / "report")
    assert code == 1
    assert "two are called 'small_dfs'" in complaint
    models = ("--model", f"one={small_model}", "--model", f"two={small_model}", "--no-dcp", "--scenes", "1")
    code, _, _ = dfs("evaluate", "--data", camvid, *models, "--beta", "0.02", "--out", tmp_path / "report")
    assert code == 0
    rows = json.loads((tmp_path / "report" / "report.json").read_text())["rows"]
    assert [row["model"] for row in rows] == ["hazy", "one", "two", "clear"]


@pytest.mark.parametrize("name", ["labels", "unet · mask"])
def test_names_that_stand_for_something_else_are_refused(dfs, small_model, camvid, tmp_path, name):
    code, _, complaint = dfs(
        "evaluate", "--data", camvid, "--model", f"{name}={small_model}", "--out", tmp_path / "report"
    )
    assert code == 1
    assert f"a method cannot be called '{name}'" in complaint


def test_shipped_model_is_what_is_evaluated_if_nothing_is_named(dfs, tmp_path):
    code, _, _ = dfs("evaluate", "--data", "scenes", "--scenes", "1", "--beta", "0.02", "--out", tmp_path / "report")
    assert code == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [row["model"] for row in report["rows"]] == ["hazy", "dcp", "dfs_fast", "clear"]
    assert {row["judge"] for row in report["rows"]} == {"dfs_fast"}
    assert all(0.0 < row["iiou"] < 1.0 for row in report["rows"])


def test_cache_that_is_no_cache_is_named(evaluate, camvid, tmp_path):
    (tmp_path / "notes.txt").write_text("not a cache, but notes that are long enough to be read as a header\n" * 20)
    code, _, complaint = evaluate("--data", camvid, "--cache", tmp_path / "notes.txt")
    assert code == 1
    assert "notes.txt: cannot keep predictions there" in complaint
    code, _, _ = evaluate("--data", camvid, "--no-cache", "--scenes", "1", "--beta", "0.02")
    assert code == 0
    assert not (tmp_path / "cache" / "dfs" / "evaluation.sqlite").exists()


def test_pairs_without_labels_need_no_judge(dfs, small_model, dhazy, tmp_path):
    code, _, complaint = dfs("evaluate", "--data", dhazy, "--model", small_model, "--out", tmp_path / "report")
    assert (code, complaint.count("Error")) == (0, 0)
    words = ("--data", dhazy, "--model", small_model, "--segmenter", small_model, "--out", tmp_path / "report")
    code, _, complaint = dfs("evaluate", *words)
    assert code == 1
    assert "has no labels" in complaint.replace("\n", " ")


def test_video_has_a_figure_for_its_flicker(evaluate, tmp_path, soft_picture):
    path = tmp_path / "drive.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25.0, (160, 96))
    for _ in range(3):
        writer.write(soft_picture(96, 160))
    writer.release()
    code, _, _ = evaluate("--data", path, "--no-reference")
    assert code == 0
    rows = json.loads((tmp_path / "report" / "report.json").read_text())["rows"]
    assert {row["model"]: row["flicker"] for row in rows}["hazy"] == pytest.approx(0.0, abs=0.01)
