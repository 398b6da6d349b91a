"""Folders are known by what is in them, and fog is the one that was asked for."""

import cv2
import numpy as np
import pytest

from dfs_core.errors import ConfigError, DatasetError
from dfs_core.evaluation.dataset import AIRLIGHT, DENSITIES, SENSOR_NOISE, FoggyScenes, find_layout
from dfs_core.labels import CAMVID_11, CITYSCAPES_19


def scenes_of(source, *, split="val", betas=(), labels=CAMVID_11, limit=0, seed=1):
    return FoggyScenes(str(source), split=split, betas=betas, labels=labels, limit=limit, seed=seed)


@pytest.mark.parametrize(
    ("layout", "labels", "densities", "part", "scenes"),
    [
        ("camvid", CAMVID_11, DENSITIES, "0016E5", 4),
        ("cityscapes", CITYSCAPES_19, DENSITIES, "munster", 2),
        ("foggy_cityscapes", CITYSCAPES_19, (0.005, 0.01, 0.02), "munster", 2),
        ("dhazy", None, (None,), "all", 2),
    ],
)
def test_layout_is_known_by_its_folders(layout, labels, densities, part, scenes, request):
    root = request.getfixturevalue(layout)
    found = scenes_of(root)
    assert (found.labels, found.densities, len(found)) == (labels, densities, scenes)
    assert found.name == f"{root.name}/val"
    scene = found[0]
    assert scene.part == part
    for beta in densities:
        assert found.hazy(scene, beta).shape == scene.sample.image.shape


def test_layout_of_a_folder_without_any_is_none(camvid, tmp_path):
    assert find_layout(camvid, "train") == "camvid"
    assert find_layout(camvid, "test") is None
    assert find_layout(tmp_path, "train") is None


def test_drawn_scenes_have_the_judges_labels():
    found = scenes_of("scenes", labels=CITYSCAPES_19, limit=3)
    assert (found.labels, found.name, len(found)) == (CITYSCAPES_19, "scenes/val", 3)


def test_layout_can_be_named_where_splits_have_no_folders(tmp_path):
    for part in ("clear", "hazy"):
        (tmp_path / part).mkdir()
        for number in range(4):
            cv2.imwrite(str(tmp_path / part / f"drive_{number}.png"), np.full((16, 16, 3), 9 * number, np.uint8))
    found = scenes_of(f"folder:{tmp_path}")
    assert found.densities == (None,)
    assert found.hazy(found[0], None).max() > 0
    with pytest.raises(ConfigError, match="come in a fog of their own; leave --beta out"):
        scenes_of(f"folder:{tmp_path}", betas=[0.01])


def test_fog_is_koschmieders(camvid):
    found = scenes_of(camvid, betas=[0.05])
    scene = found[0]
    share = np.exp(-0.05 * scene.sample.ray_length.astype(np.float64))[..., None]
    expected = 255 * (scene.sample.image / 255 * share + AIRLIGHT[0] * (1 - share))
    difference = found.hazy(scene, 0.05) - expected
    assert abs(difference.mean()) < 0.1
    assert difference.std() == pytest.approx(np.hypot(255 * SENSOR_NOISE, np.sqrt(1 / 12)), rel=0.05)


def test_foggy_cityscapes_comes_in_the_fog_that_was_asked_for(foggy_cityscapes):
    found = scenes_of(foggy_cityscapes, betas=[0.02])
    name = found[1].sample.name
    path = foggy_cityscapes / "leftImg8bit_foggy" / "val" / "munster" / f"{name}_leftImg8bit_foggy_beta_0.02.png"
    np.testing.assert_array_equal(found.hazy(found[1], 0.02), cv2.imread(str(path))[..., ::-1])


def test_fog_of_a_scene_does_not_depend_on_which_others_are_taken(camvid):
    every, some = scenes_of(camvid, betas=[0.02]), scenes_of(camvid, betas=[0.02], limit=2)
    assert some[1].sample.name == every[3].sample.name
    np.testing.assert_array_equal(some.hazy(some[1], 0.02), every.hazy(every[3], 0.02))


def test_other_seed_is_another_noise(camvid):
    one, two = (scenes_of(camvid, betas=[0.02], seed=seed) for seed in (1, 2))
    assert (one.hazy(one[0], 0.02) != two.hazy(two[0], 0.02)).any()


def test_missing_file_is_missed_when_its_scene_is_read(camvid_copy):
    (camvid_copy / "val" / "labels" / "0016E5_00001.png").unlink()
    found = scenes_of(camvid_copy)
    assert len(found) == 4
    assert found[0].sample.name == "0016E5_00000"
    with pytest.raises(DatasetError, match=r"labels/0016E5_00001\.png: cannot be read \(No such file"):
        found[1]


def test_folder_of_no_layout_is_refused_with_what_was_looked_for(tmp_path):
    with pytest.raises(
        DatasetError, match=r"no layout for the split 'test' .*camvid: test/images and test/labels.*--no-reference"
    ):
        scenes_of(tmp_path, split="test")


def test_folder_that_is_not_there_is_refused():
    with pytest.raises(DatasetError, match=r"nowhere: no such folder; .*'scenes' for drawn scenes"):
        scenes_of("nowhere")


def test_fog_that_is_asked_for_twice_is_counted_once(camvid):
    assert scenes_of(camvid, betas=[0.05, 0.02, 0.05]).densities == (0.05, 0.02)


@pytest.mark.parametrize("beta", [-0.02, float("nan"), float("inf")])
def test_fog_that_cannot_be_is_refused(camvid, beta):
    with pytest.raises(ConfigError, match=f"a finite number >= 0 per metre, not {beta}"):
        scenes_of(camvid, betas=[0.02, beta])


def test_fog_that_the_dataset_lacks_is_refused_with_those_that_it_has(foggy_cityscapes):
    with pytest.raises(ConfigError, match=r"fogs of β = 0\.005, 0\.01, 0\.02 / m, not 0\.03; name some of these"):
        scenes_of(foggy_cityscapes, betas=[0.01, 0.03])


def test_negative_limit_is_refused(camvid):
    with pytest.raises(ConfigError, match="at least 0, not -1"):
        scenes_of(camvid, limit=-1)
