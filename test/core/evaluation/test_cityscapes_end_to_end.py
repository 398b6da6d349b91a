"""A whole evaluation of data in the layout of Cityscapes, held to the evaluation that Cityscapes publishes."""

import json
import sys

import cv2
import numpy as np
import pytest
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as Official
from onnx import helper

from dfs_core.cli import main
from dfs_core.data.cityscapes_files import LABEL_IDS
from dfs_core.evaluation.dataset import FoggyScenes
from dfs_core.evaluation.judges import open_judge
from dfs_core.labels import CITYSCAPES_19

FIGURES = {
    "miou": "averageScoreClasses",
    "iiou": "averageScoreInstClasses",
    "category_miou": "averageScoreCategories",
    "category_iiou": "averageScoreInstCategories",
}
OFFICIAL_SIZE = (2048, 1024)
BETAS = ("0.005", "0.02")


@pytest.fixture
def judge(graph, tmp_path):
    """A network that answers at half the size, of the nineteen classes by the nearness of colours alone."""
    rng = np.random.default_rng(3)
    colors = rng.uniform(0, 1, (19, 3))
    for name, color in {
        "sky": (200, 220, 240), "road": (90, 90, 95), "building": (150, 110, 80), "car": (180, 30, 30),
        "person": (30, 90, 40),
    }.items():  # fmt: skip
        colors[CITYSCAPES_19.names.index(name)] = np.array(color) / 255.0
    colors[CITYSCAPES_19.names.index("truck")] = np.array((178, 36, 34)) / 255.0  # takes some of the car
    constants = {  # -|x - c|² is 2 c·x - |c|² but for what all classes share
        "weights": np.float32(2.0 * colors)[:, :, None, None],
        "squares": np.float32(-(colors**2).sum(axis=1)),
    }
    nodes = [helper.make_node("Conv", ["x", "weights", "squares"], ["y"], strides=[2, 2])]
    path = graph(tmp_path / "colors.onnx", nodes, constants, given=[1, 3, "H", "W"], made=[1, 19, "h", "w"])
    path.with_suffix(".json").write_text(
        json.dumps({"label_set": "cityscapes-19", "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]})
    )
    return path


def official(folder, root, scenes, pictures, judge, monkeypatch):
    """Return the official figures of what a judge sees in pictures: its masks as label ids beside the dataset's own.

    Average sizes of things are official for frames of 2048x1024 and are brought to the frames' own size, as shares.
    """
    share = np.prod(pictures[0].shape[:2]) / np.prod(OFFICIAL_SIZE)
    for name, size in Official.args.avgClassSize.items():
        monkeypatch.setitem(Official.args.avgClassSize, name, size * share)
    for option, value in (("quiet", True), ("JSONOutput", False)):
        monkeypatch.setattr(Official.args, option, value)
    answers, truths = [], []
    for index, picture in enumerate(pictures):
        name = scenes[index].sample.name
        answers.append(str(folder / f"{name}_pred.png"))
        assert cv2.imwrite(answers[-1], np.array(LABEL_IDS, np.uint8)[judge(picture).mask])
        truths.append(str(root / "gtFine" / "val" / name.partition("_")[0] / f"{name}_gtFine_labelIds.png"))
    result = Official.evaluateImgLists(answers, truths, Official.args)
    return {name: result[key] for name, key in FIGURES.items()}


@pytest.mark.filterwarnings("ignore:`in1d` is deprecated")
def test_rows_are_what_the_official_evaluation_says_of_the_judges_masks(cityscapes, judge, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = ["--data", str(cityscapes), "--segmenter", str(judge), "--beta", *BETAS, "--out", str(tmp_path / "report")]
    monkeypatch.setattr(sys, "argv", ["dfs", "evaluate", *words])
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *words])
    assert not ended.value.code
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    rows = {(row["model"], row["beta"]): row for row in report["rows"]}
    assert {model for model, _ in rows} == {"hazy", "dcp", "dfs_fast", "clear"}

    betas, opened = [float(beta) for beta in BETAS], open_judge(judge)
    scenes = FoggyScenes(str(cityscapes), betas=betas, labels=CITYSCAPES_19, limit=0, seed=2026)
    read = [scenes[index] for index in range(len(scenes))]
    pictures = {("clear", beta): [scene.sample.image for scene in read] for beta in betas} | {
        ("hazy", beta): [scenes.hazy(scene, beta) for scene in read] for beta in betas
    }
    for place, shown in pictures.items():
        folder = tmp_path / "-".join(map(str, place))
        folder.mkdir()
        with monkeypatch.context() as patched:
            expected = official(folder, cityscapes, scenes, shown, opened, patched)
        assert {name: rows[place][name] for name in FIGURES} == pytest.approx(expected, abs=1e-9)
    assert all(0.0 < rows["clear", betas[0]][name] < 1.0 for name in FIGURES)

    # The shipped model's mask is of CamVid's classes: it is not compared, and everything else is.
    assert {row["own_mask_miou"] for row in report["rows"]} == {None}
    assert any("Masks of dfs_fast are not compared" in note for note in report["notes"])
    assert report["problems"] == []
