"""Cityscapes' layout and geometry, and every way in which a folder can miss them."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from dfs_core.data.catalog import DataSpec, open_split
from dfs_core.data.cityscapes import Cityscapes, read_camera
from dfs_core.errors import DatasetError

AACHEN = "train/aachen/aachen_000000_000019"


@pytest.fixture
def copy(cityscapes, tmp_path):
    return shutil.copytree(cityscapes, tmp_path / "cityscapes")


@pytest.fixture
def camera_file(copy):
    return copy / f"camera/{AACHEN}_camera.json"


def change(path, group, key, value):
    content = json.loads(path.read_text())
    content[group][key] = value
    path.write_text(json.dumps(content))


def test_official_splits_are_listed_in_order(cityscapes):
    assert [len(Cityscapes(cityscapes, split)) for split in ("train", "val")] == [4, 2]
    assert Cityscapes(cityscapes, "val")[1].name == "munster_000001_000019"


def test_road_is_as_far_as_a_flat_road(cityscapes):
    length = Cityscapes(cityscapes, "train")[0].ray_length
    rows = np.array([44, 48, 54])
    # depth = h f / (y - horizon), and the ray is longer by sqrt(1 + x² + y²).
    depth = 1.22 * 141.4 / (rows - 30.0)
    expected = depth * np.sqrt(1 + ((20 - 66.0) / 141.4) ** 2 + ((rows - 30.0) / 141.4) ** 2)
    np.testing.assert_allclose(length[rows, 20], expected, rtol=0.06)


def test_car_and_house_stand_where_they_are_and_sky_is_infinitely_far(cityscapes):
    length = Cityscapes(cityscapes, "train")[0].ray_length
    assert length[40, 85] == pytest.approx(12.0, rel=0.06)
    assert length[20, 20] == pytest.approx(40.0 * np.hypot(1, (20 - 66.0) / 141.4), rel=0.06)
    assert np.isinf(length[:25, 60:]).all()
    assert length.dtype == np.float32
    assert length.min() > 2.0


def test_holes_in_the_road_are_closed(cityscapes):
    length = Cityscapes(cityscapes, "train")[0].ray_length
    for row, column in ((51, 62), (55, 3), (60, 60)):  # in the road, at the left edge, in the bonnet
        assert length[row, column] == pytest.approx(1.22 * 141.4 / (row - 30.0), rel=0.2)


def test_zero_disparity_outside_sky_is_a_hole_and_not_infinitely_far(copy):
    path = copy / f"disparity/{AACHEN}_disparity.png"
    disparity = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    disparity[50:54, 20:24] = 1
    cv2.imwrite(str(path), disparity)
    assert Cityscapes(copy, "train")[0].ray_length[52, 22] == pytest.approx(1.22 * 141.4 / 22.0, rel=0.2)


def test_sample_has_labels_and_instances_and_no_fog(cityscapes):
    sample = Cityscapes(cityscapes, "train")[0]
    assert [sample.labels[0, 100], sample.labels[38, 80], sample.labels[-1, 0]] == [10, 13, 255]
    assert ((sample.instances > 0) == (sample.labels == 13)).all()
    assert sample.hazy is None


def test_without_geometry_neither_disparity_nor_camera_is_needed(copy):
    shutil.rmtree(copy / "disparity")
    shutil.rmtree(copy / "camera")
    assert Cityscapes(copy, "train", geometry=False)[0].ray_length is None


def test_it_is_opened_by_name(cityscapes):
    assert open_split(DataSpec("cityscapes", root=cityscapes), "val")[0].ray_length is not None


def test_missing_folders_are_all_named(tmp_path):
    with pytest.raises(
        DatasetError,
        match=r"no folder .*leftImg8bit/val, .*gtFine/val, .*disparity/val, .*camera/val; expected ROOT/leftImg8bit",
    ):
        Cityscapes(tmp_path, "val")


@pytest.mark.parametrize(
    "file", ["gtFine/{}_gtFine_labelIds.png", "disparity/{}_disparity.png", "camera/{}_camera.json"]
)
def test_missing_file_is_named(copy, file):
    (copy / file.format(AACHEN)).unlink()
    with pytest.raises(DatasetError, match=rf"1 files are missing: .*{file.format(AACHEN)}; expected ROOT/"):
        Cityscapes(copy, "train")


def test_many_missing_files_are_counted(copy):
    for path in copy.glob("*/train/*/*"):
        if path.parents[2].name in ("disparity", "camera"):
            path.unlink()
    with pytest.raises(DatasetError, match=r"8 files are missing: .* and 3 more; expected ROOT/"):
        Cityscapes(copy, "train")


def test_misnamed_picture_is_refused(copy):
    path = copy / f"leftImg8bit/{AACHEN}_leftImg8bit.png"
    path.rename(path.with_name("aachen_000000_000019.png"))
    with pytest.raises(DatasetError, match=r"1 files are misnamed: .*aachen_000000_000019\.png; expected ROOT/"):
        Cityscapes(copy, "train")


def test_empty_split_is_refused(copy):
    shutil.rmtree(copy / "leftImg8bit/val/munster")
    with pytest.raises(DatasetError, match=r"Cityscapes: no picture in .*leftImg8bit/val; expected ROOT/"):
        Cityscapes(copy, "val")


@pytest.mark.parametrize("file", ["leftImg8bit/{}_leftImg8bit.png", "disparity/{}_disparity.png"])
def test_truncated_picture_is_named(copy, file):
    path = copy / file.format(AACHEN)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=rf"{file.format(AACHEN)}: cannot be decoded; the file is damaged"):
        Cityscapes(copy, "train")[0]


def test_disparity_of_8_bits_is_refused(copy):
    cv2.imwrite(str(copy / f"disparity/{AACHEN}_disparity.png"), np.ones((64, 128), np.uint8))
    with pytest.raises(
        DatasetError, match=r"_disparity\.png: holds uint8 \[64, 128\], but uint16 \[H, W\] is expected"
    ):
        Cityscapes(copy, "train")[0]


def test_disparity_of_another_size_is_refused(copy):
    cv2.imwrite(str(copy / f"disparity/{AACHEN}_disparity.png"), np.ones((32, 64), np.uint16))
    with pytest.raises(DatasetError, match=r"_disparity\.png: \[32, 64\], but its image is \[64, 128\]"):
        Cityscapes(copy, "train")[0]


def test_labels_of_another_size_are_refused(copy):
    cv2.imwrite(str(copy / f"gtFine/{AACHEN}_gtFine_labelIds.png"), np.zeros((32, 64), np.uint8))
    with pytest.raises(DatasetError, match=r"_labelIds\.png: \[32, 64\], but its image is \[64, 128\]"):
        Cityscapes(copy, "train")[0]


def test_disparity_without_a_measurement_is_refused(copy):
    cv2.imwrite(str(copy / f"gtFine/{AACHEN}_gtFine_labelIds.png"), np.full((64, 128), 7, np.uint8))
    cv2.imwrite(str(copy / f"disparity/{AACHEN}_disparity.png"), np.zeros((64, 128), np.uint16))
    with pytest.raises(DatasetError, match=r"_disparity\.png: depth is known in 0\.0% of the image, too little"):
        Cityscapes(copy, "train")[0]


@pytest.mark.parametrize(
    ("group", "key"), [("extrinsic", "baseline"), ("intrinsic", "fx"), ("intrinsic", "u0"), ("intrinsic", "v0")]
)
@pytest.mark.parametrize(("value", "found"), [(float("nan"), "nan"), (None, "missing"), ("22", "22"), (True, "True")])
def test_camera_number_that_is_none_is_named(copy, camera_file, group, key, value, found):
    change(camera_file, group, key, value)
    with pytest.raises(DatasetError, match=rf"_camera\.json: {group}\.{key} must be a finite number, but is {found};"):
        Cityscapes(copy, "train")[0]


def test_camera_without_a_group_is_named(copy, camera_file):
    camera_file.write_text('{"extrinsic": {"baseline": 0.2}}')
    with pytest.raises(DatasetError, match=r"_camera\.json: intrinsic\.fx must be a finite number, but is missing"):
        Cityscapes(copy, "train")[0]


@pytest.mark.parametrize(("content", "words"), [("[1, 2]", "extrinsic.baseline must be"), ("{", "is not JSON")])
def test_camera_file_that_is_no_camera_is_named(camera_file, content, words):
    camera_file.write_text(content)
    with pytest.raises(DatasetError, match=rf"_camera\.json: {words}"):
        read_camera(camera_file, size=(64, 128))


def test_camera_without_a_baseline_is_refused(copy, camera_file):
    change(camera_file, "extrinsic", "baseline", 0.0)
    with pytest.raises(DatasetError, match=r"baseline 0\.0 and fx 141\.4 must be above 0"):
        Cityscapes(copy, "train")[0]


def test_camera_of_the_original_size_beside_smaller_images_is_refused(copy, camera_file):
    change(camera_file, "intrinsic", "u0", 1096.98)
    with pytest.raises(
        DatasetError, match=r"principal point \(1096\.98, 30\.0\) is outside the image of 128x64; .*orig"
    ):
        Cityscapes(copy, "train")[0]


def test_listed_frames_are_left_out(copy):
    first, *others = [sample.name for sample in Cityscapes(copy, "train", geometry=False)]
    (copy / "list.txt").write_text(f"train/{first.partition('_')[0]}/{first}\n")
    kept = Cityscapes(copy, "train", geometry=False, exclude=Path("list.txt"))
    assert [sample.name for sample in kept] == others


def test_list_that_leaves_nothing_is_refused(copy):
    names = [sample.name for sample in Cityscapes(copy, "train", geometry=False)]
    (copy / "list.txt").write_text("".join(f"train/{name.partition('_')[0]}/{name}\n" for name in names))
    with pytest.raises(DatasetError, match=r"list\.txt: names all 4 frames of the split, so none is left"):
        Cityscapes(copy, "train", geometry=False, exclude=Path("list.txt"))
