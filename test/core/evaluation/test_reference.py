"""Evaluation with methods and judges whose answers are known: one undoes the very fog that was put in."""

import math
import sqlite3
import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dfs_core.errors import BackendError, FrameError, LabelError, OutputError
from dfs_core.evaluation import run
from dfs_core.evaluation.dataset import FoggyScenes
from dfs_core.evaluation.judges.judge import Judge, Opinion
from dfs_core.evaluation.measure import TIMED, Bench
from dfs_core.evaluation.methods.method import Answer, Method, Untouched
from dfs_core.evaluation.predictions import Predictions, fingerprint
from dfs_core.evaluation.reference import evaluate_with_reference
from dfs_core.labels import CAMVID_11, CITYSCAPES_19
from dfs_core.metrics.image import HIGHEST_PSNR
from dfs_core.metrics.segmentation import confusion, intersection_over_union

BETAS = (0.02, 0.1)
ROAD = 3


class Oracle(Method):
    """Gives back the clear scenes, which it has seen before, and the fog's density."""

    name, key, source, labels = "oracle", "oracle", "has seen the truth", CAMVID_11

    def __init__(self, scenes):
        self.asked = 0
        read = [scenes[number] for number in range(len(scenes))]
        self._clear = {
            fingerprint(scenes.hazy(scene, beta)): (scene.sample.image, beta)
            for scene in read
            for beta in scenes.densities
        }

    def __call__(self, frame):  # noqa: D102
        self.asked += 1
        image, beta = self._clear[fingerprint(frame)]
        return Answer(image, np.zeros((9, 12), np.uint8), beta)


class Worse(Untouched):
    """Makes frames brighter than fog did, and fails on some."""

    name, key, source = "worse", "worse", "a lamp"

    def __init__(self, refused=()):
        self._refused = refused

    def __call__(self, frame):  # noqa: D102
        if fingerprint(frame) in self._refused:
            raise FrameError("too bright")
        return Answer(np.clip(frame.astype(np.int16) + 40, 0, 255).astype(np.uint8))


class Brightness(Judge):
    """Tells the dark road from the sky, as long as there is no fog."""

    name, key, source, labels = "brightness", "brightness", "a threshold", CAMVID_11

    def __init__(self):
        self.asked = 0

    def __call__(self, picture):  # noqa: D102
        self.asked += 1
        return Opinion(np.where(picture.mean(axis=2) < 97, ROAD, 0).astype(np.uint8), 0.5)


@pytest.fixture
def scenes(camvid):
    return FoggyScenes(str(camvid), betas=BETAS, labels=CAMVID_11, limit=0, seed=1)


def evaluated(scenes, methods, judges, predictions=None, **options):
    bench = Bench([Untouched(), *methods], judges, predictions or Predictions(None))
    models = [method.name for method in methods]
    return evaluate_with_reference(scenes, bench, **{"models": models, "pictures": 2, "seed": 0, **options})


def rows_of(results):
    return {(row["model"], row["beta"]): row for row in results.rows if row["part"] == "all"}


def test_perfect_dehazer_closes_the_gap_and_brightening_widens_it(scenes):
    rows = rows_of(evaluated(scenes, [Oracle(scenes), Worse()], [Brightness()]))
    assert {model for model, _ in rows} == {"hazy", "oracle", "worse", "clear"}
    hazy, oracle, worse, clear = (rows[model, 0.1] for model in ("hazy", "oracle", "worse", "clear"))
    assert (oracle["psnr"], oracle["ssim"], clear["psnr"], clear["ssim"]) == (HIGHEST_PSNR, pytest.approx(1), None, 1)
    assert hazy["miou"] < oracle["miou"] == clear["miou"]
    assert oracle["gap_closed"]["miou"] == oracle["gap_closed"]["map_psnr"] == 1.0
    assert oracle["gap_closed_interval"]["miou"] == [1.0, 1.0]
    assert "miou" not in oracle["gap_doubtful"]
    assert worse["psnr"] < hazy["psnr"]
    assert worse["gap_closed"]["ssim"] < 0.0
    assert hazy["gap_closed"] == clear["gap_closed"] == {}
    assert (oracle["fog_density"], oracle["gated"]) == (pytest.approx(0.1), 0.0)
    assert (hazy["fog_density"], hazy["gated"]) == (None, None)


def test_figures_are_those_of_all_frames_together(scenes):
    row = rows_of(evaluated(scenes, [], [Brightness()]))["hazy", 0.1]
    matrix, own = 0, []
    for number in range(len(scenes)):
        scene = scenes[number]
        hazy = scenes.hazy(scene, 0.1)
        matrix = matrix + confusion(Brightness()(hazy).mask, scene.sample.labels, 11)
        own.append(cv2.PSNR(np.ascontiguousarray(hazy), scene.sample.image))
    ious = intersection_over_union(matrix)
    assert row["psnr"] == pytest.approx(np.mean(own), abs=1e-4)
    assert row["miou"] == pytest.approx(np.nanmean(ious), abs=1e-12)
    assert row["class_iou"]["road"] == pytest.approx(ious[ROAD], abs=1e-12)
    assert row["class_iou"]["bicyclist"] is None
    low, high = row["interval"]["psnr"]
    assert min(own) <= low <= row["psnr"] <= high <= max(own)


def test_gap_is_doubtful_where_fog_costs_nothing(scenes):
    blind = Brightness()
    blind.__class__ = type("Blind", (Brightness,), {"__call__": lambda _, picture: Opinion(0 * picture[..., 0], 1.0)})
    row = rows_of(evaluated(scenes, [Worse()], [blind]))["worse", 0.1]
    assert row["gap_doubtful"] == [name for name in row["gap_closed"] if name != "ssim"]
    assert row["gap_closed"]["miou"] is None


def test_own_mask_is_judged_by_the_labels(scenes):
    row = rows_of(evaluated(scenes, [Oracle(scenes)], [Brightness()]))["oracle", 0.02]
    sky = np.mean([(scenes[number].sample.labels == 0).mean() for number in range(len(scenes))])
    void = np.mean([(scenes[number].sample.labels == 255).mean() for number in range(len(scenes))])
    present = {label for number in range(len(scenes)) for label in np.unique(scenes[number].sample.labels)} - {255}
    assert row["own_mask_miou"] == pytest.approx(sky / (1 - void) / len(present))


def test_own_mask_of_other_classes_is_not_compared(scenes):
    oracle = Oracle(scenes)
    oracle.labels = CITYSCAPES_19
    results = evaluated(scenes, [oracle], [Brightness()])
    assert {row["own_mask_miou"] for row in results.rows} == {None}
    assert "own_mask_miou" not in [column.key for column in results.columns]
    assert results.notes[-1] == "Masks of oracle are not compared: they are of other classes than the data's."
    assert results.problems == []


def test_cost_that_cannot_be_told_is_named_and_the_rest_stands(scenes):
    class Secret(Worse):
        def expense(self, height, width):  # noqa: ARG002
            raise BackendError("no business of yours")

    results = evaluated(scenes, [Secret()], [Brightness()], pictures=0)
    assert results.problems == ["worse: its parameters and MACs are not known (no business of yours)"]
    worse = results.methods[1]
    assert (worse["model"], worse["parameters"], worse["macs"]) == ("worse", None, None)
    assert worse["ms_per_frame"] > 0


def test_method_that_cannot_be_timed_is_named_and_the_rest_stands(scenes):
    kept, refused = Predictions(None), fingerprint(scenes.hazy(scenes[0], BETAS[0]))
    first = evaluated(scenes, [Worse()], [Brightness()], kept, pictures=0)
    again = evaluated(scenes, [Worse([refused])], [Brightness()], kept, pictures=0)  # it has lost what it needs
    assert again.problems == ["worse: its time is not known (too bright)"]
    assert again.methods[1]["ms_per_frame"] is None
    assert again.rows == first.rows


def test_cache_that_fails_ends_the_run(scenes, tmp_path):
    kept = Predictions(tmp_path / "predictions.sqlite")
    with sqlite3.connect(tmp_path / "predictions.sqlite") as connection:
        connection.execute("DROP TABLE predictions")
    with pytest.raises(OutputError, match="cannot keep predictions there"):
        evaluated(scenes, [Worse()], [Brightness()], kept)


def test_only_what_is_new_is_asked(scenes, tmp_path):
    kept = tmp_path / "predictions.sqlite"
    oracle, judge = Oracle(scenes), Brightness()
    first = evaluated(scenes, [oracle], [judge], Predictions(kept), pictures=0)
    asked = oracle.asked, judge.asked
    assert asked[0] == len(scenes) * len(BETAS) + TIMED + 1
    second = evaluated(scenes, [oracle, Worse()], [judge], Predictions(kept), pictures=0)
    assert oracle.asked == asked[0] + TIMED + 1
    assert judge.asked == asked[1] + len(scenes) * len(BETAS)
    assert rows_of(second)["oracle", 0.1] == rows_of(first)["oracle", 0.1]


def test_scene_that_cannot_be_read_is_named_and_left_out_of_every_row(camvid_copy):
    image, label = (camvid_copy / "val" / kind for kind in ("images/0016E5_00001.jpg", "labels/0016E5_00002.png"))
    image.write_bytes(image.read_bytes()[:100])
    label.unlink()
    scenes = FoggyScenes(str(camvid_copy), betas=BETAS, labels=CAMVID_11, limit=0, seed=1)
    results = evaluated(scenes, [Worse()], [Brightness()])
    assert [problem.partition(": ")[0] for problem in results.problems] == [str(image), str(label)]
    assert {row["scenes"] for row in results.rows} == {2}
    assert {frame.name for frame in results.frames} <= {"0016E5_00000", "0016E5_00003"}


def test_scenes_that_vanish_before_they_are_shown_are_named_and_their_figures_stand(camvid_copy):
    scenes = FoggyScenes(str(camvid_copy), betas=BETAS, labels=CAMVID_11, limit=0, seed=1)
    measured = []

    def advance():
        measured.append(None)
        if len(measured) == len(scenes) * len(BETAS):
            for path in (camvid_copy / "val" / "images").iterdir():
                path.unlink()

    results = evaluated(scenes, [Worse()], [Brightness()], advance=advance)
    for problem, beta in zip(results.problems, BETAS, strict=True):
        assert f" at β = {beta:g} / m: not shown ({camvid_copy / 'val' / 'images'}" in problem
    assert results.frames == []
    assert {row["scenes"] for row in results.rows} == {4}
    assert [method["model"] for method in results.methods] == ["hazy", "worse", "clear"]


def test_judges_are_not_asked_again_for_what_is_shown(scenes):
    judge = Brightness()
    results = evaluated(scenes, [Worse()], [judge], pictures=4)
    assert judge.asked == len(scenes) * (1 + 2 * len(BETAS))  # clear, and hazy and worse in each fog
    assert len(results.frames) == 4


def test_method_that_fails_on_a_scene_does_not_end_the_run(scenes):
    refused = fingerprint(scenes.hazy(scenes[1], 0.02))
    results = evaluated(scenes, [Worse([refused])], [Brightness()], pictures=0)
    assert results.problems == ["0016E5_00001 at β = 0.02 / m: left out (too bright)"]
    rows = rows_of(results)
    assert rows["hazy", 0.02]["scenes"] == rows["worse", 0.02]["scenes"] == 3
    assert rows["worse", 0.1]["scenes"] == 4


def test_worst_scenes_are_shown_with_all_that_was_made_of_them(scenes):
    results = evaluated(scenes, [Oracle(scenes), Worse()], [Brightness()], models=["worse"], pictures=4)
    assert [frame.fog for frame in results.frames] == ["β = 0.02 / m"] * 2 + ["β = 0.1 / m"] * 2
    frame = results.frames[0]
    assert next(iter(frame.scores)) == "mIoU gained by worse"
    assert list(frame.pictures)[:2] == ["hazy", "worse"]
    assert {"oracle", "clear", "labels", "worse · mask", "clear · mask"} <= set(frame.pictures)
    gains = {entry.name: entry.scores["PSNR gained by worse"] for entry in results.frames}
    assert all(gain < 0 for gain in gains.values())
    truth = cv2.imdecode(np.frombuffer(frame.pictures["labels"], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    expected = next(scenes[number].sample for number in range(4) if scenes[number].sample.name == frame.name)
    np.testing.assert_array_equal(truth, CAMVID_11.colorize(expected.labels))


def test_recordings_have_rows_of_their_own_where_there_are_several(camvid_copy):
    for kind, ending in (("images", "jpg"), ("labels", "png")):
        path = camvid_copy / "val" / kind / f"0016E5_00000.{ending}"
        path.rename(path.with_name(f"0001TP_00000.{ending}"))
    scenes = FoggyScenes(str(camvid_copy), betas=[0.05], labels=CAMVID_11, limit=0, seed=1)
    results = evaluated(scenes, [], [Brightness()])
    assert [(row["part"], row["scenes"]) for row in results.rows if row["model"] == "hazy"] == [
        ("all", 4),
        ("0001TP", 1),
        ("0016E5", 3),
    ]


def test_two_judges_have_tables_of_their_own(scenes):
    second = Brightness()
    second.name, second.key = "another", "another"
    results = evaluated(scenes, [], [Brightness(), second])
    assert [row["judge"] for row in results.rows if row["beta"] == 0.02] == ["brightness"] * 2 + ["another"] * 2


def test_pairs_without_labels_are_compared_as_images(dhazy):
    scenes = FoggyScenes(str(dhazy), labels=CAMVID_11, limit=0, seed=1)
    results = evaluated(scenes, [Worse()], [])
    assert [row["model"] for row in results.rows] == ["hazy", "worse", "clear"]
    assert all("miou" not in row for row in results.rows)
    assert [column.key for column in results.columns] == ["psnr", "ssim"]
    assert results.curves == []
    assert "labels" not in results.frames[0].pictures


def test_judge_of_other_classes_is_refused(scenes):
    stranger = Brightness()
    stranger.labels = CITYSCAPES_19
    with pytest.raises(LabelError, match=r"the judge 'brightness' knows the classes road, .*--segmenter"):
        evaluated(scenes, [], [stranger])


def test_memory_does_not_grow_with_the_number_of_scenes(scenes, monkeypatch):
    scene, peaks = scenes[0], []
    monkeypatch.setattr(run, "_AHEAD", 1)
    monkeypatch.setattr(FoggyScenes, "__getitem__", lambda _, index: replace(scene, number=index))
    for count in (20, 120):
        monkeypatch.setattr(FoggyScenes, "__len__", lambda _, count=count: count)
        tracemalloc.start()
        evaluated(scenes, [Worse()], [Brightness()], pictures=2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    held = 100 * sum(plane.nbytes for plane in scene.sample.planes().values())  # if every scene were kept
    assert peaks[1] - peaks[0] < held / 5


def test_figures_are_finite_or_missing(scenes):
    for row in evaluated(scenes, [Worse()], [Brightness()]).rows:
        assert all(math.isfinite(value) for value in row.values() if isinstance(value, float))
