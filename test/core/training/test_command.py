"""A user's way from a dataset to a judged model: train, export, look at fog, evaluate, all by `dfs`."""

import json

import cv2
import pytest
import yaml

from dfs_core import artifact
from dfs_core.cli import main


def dfs(*words):
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    return stopped.value.code


@pytest.fixture(scope="module")
def runs(camvid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    recipe = {
        "data": {"name": "camvid", "root": str(camvid)}, "precision": "32-true", "workers": 0,
        "steps": 2, "batch": 2, "warmup": 1,
        "view": {"size": [32, 48]}, "validation_attenuation": [0.03],
    }  # fmt: skip
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe | {"task": "segmenter", "model": "unet"}))
    train = ("train", "--config", folder / "recipe.yaml")
    assert dfs(*train, "--out", folder / "judge") == 0
    dehazer = ("task=dehazer", "model=fast", f"segmenter={folder / 'judge/last.ckpt'}")
    assert dfs(*train, "--out", folder / "fast", *(word for value in dehazer for word in ("--set", value))) == 0
    return folder


@pytest.fixture(scope="module")
def model(runs):
    path = runs / "new" / "model.onnx"
    words = ("export", runs / "fast/last.ckpt", runs / "judge/last.ckpt", "--out", path, "--name", "small")
    assert dfs(*words, "--metric", "psnr_gain=8.5") == 0
    return path


def test_finished_run_is_left_as_it_is(runs, capsys):
    before = (runs / "judge/last.ckpt").read_bytes()
    assert dfs("train", "--config", runs / "recipe.yaml", "--out", runs / "judge") == 0
    assert (runs / "judge/last.ckpt").read_bytes() == before


def test_mistake_in_a_recipe_is_one_line(runs, capsys):
    assert dfs("train", "--config", runs / "recipe.yaml", "--out", runs / "x", "--set", "model=fast") == 1
    assert capsys.readouterr().err.strip() == (
        "dfs: there is no segmenter 'fast'; choose one of deeplabv3, lite, pix2pix_rgb, unet"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--accelerator", "tpu"), "--accelerator must be one of cpu, cuda, auto, not 'tpu'"),
        (("--out", __file__), "test_command.py: is a file, but a run is kept in a folder; name another"),
    ],
)
def test_mistake_on_the_command_line_is_one_line(runs, capsys, words, message):
    assert dfs("train", "--config", runs / "recipe.yaml", "--out", runs / "x", *words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_exported_file_says_what_it_is(model):
    description = artifact.read(model)
    assert (description.name, dict(description.metrics)) == ("small", {"psnr_gain": 8.5})
    assert description.training_data.startswith("CamVid")
    assert description.license.startswith("research use")


def test_generator_and_segmenter_are_not_mixed_up(runs, capsys):
    judge = runs / "judge/last.ckpt"
    assert dfs("export", judge, judge, "--out", runs / "mixed.onnx") == 1
    assert "a checkpoint of the task 'segmenter', but a dehazer is needed" in capsys.readouterr().err


def test_help_explains_every_key(capsys):
    assert dfs("train", "--help") == 0
    words = " ".join(capsys.readouterr().out.split())
    for key in ("data.root (default null)", "loss.segmentation_forms (default", "view.size (default [320, 416])"):
        assert key in words


def test_metric_that_is_no_number_is_refused_before_anything_is_loaded(runs, capsys):
    assert dfs("export", runs / "no.ckpt", runs / "no.ckpt", "--out", runs / "x.onnx", "--metric", "psnr") == 1
    assert "--metric psnr: must be name=number" in capsys.readouterr().err


def test_what_was_trained_can_be_evaluated(runs, model, camvid, capsys):
    folder = runs / "report"
    words = ("--segmenter", runs / "judge/last.ckpt", "--data", camvid, "--beta", "0", "--beta", "0.03", "--no-cache")
    assert dfs("evaluate", "--model", model, *words, "--no-dcp", "--out", folder) == 0
    assert "judged by judge" in capsys.readouterr().out
    rows = json.loads((folder / "report.json").read_text(), parse_constant=pytest.fail)["rows"]
    assert [(row["beta"], row["part"], row["judge"], row["model"]) for row in rows] == [
        (beta, "all", "judge", name) for beta in (0.0, 0.03) for name in ("hazy", "small", "clear")
    ]
    assert {"psnr", "ssim", "miou", "gap_closed"} <= set(rows[1])


def test_fog_sheet_shows_the_frame_in_more_and_more_fog(runs, model, camvid):
    sheet = runs / "sheets" / "sheet.png"
    image = next((camvid / "val/images").iterdir())
    assert dfs("fog-sheet", image, sheet, "--model", model, "--beta", "0.001", "--beta", "0.2") == 0
    assert cv2.imread(str(sheet)).shape[1] > 4 * 300
    assert [entry.name for entry in sheet.parent.iterdir()] == ["sheet.png"]
