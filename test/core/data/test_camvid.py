"""CamVid's layout, and every way in which a folder can miss it."""

import shutil

import cv2
import numpy as np
import pytest

from dfs_core.data.camvid import CamVid, sequence_of
from dfs_core.errors import DatasetError


@pytest.fixture
def copy(camvid, tmp_path):
    return shutil.copytree(camvid, tmp_path / "camvid")


def test_frames_come_in_the_order_of_their_names(camvid):
    assert [sample.name for sample in CamVid(camvid, "val")] == [f"0016E5_{n:05d}" for n in range(4)]


def test_void_is_unlabelled_and_sky_is_infinitely_far(camvid):
    sample = CamVid(camvid, "train")[0]
    assert (sample.labels[-4:] == 255).all()
    assert np.isinf(sample.ray_length[:10]).all()
    assert np.isfinite(sample.ray_length[-10:]).all()


def test_each_connected_car_is_one_thing(camvid):
    sample = CamVid(camvid, "train")[0]
    assert (sample.labels[sample.instances == 1] == 8).all()
    assert (sample.instances == 1).sum() == 14 * 20
    assert sample.instances.max() == 1


def test_image_is_rgb(camvid):
    red, _, blue = CamVid(camvid, "train")[0].image[:20].mean(axis=(0, 1))
    assert blue > red  # the sky


def test_sequence_is_the_first_part_of_the_name():
    assert sequence_of("0001TP_008550") == "0001TP"


def test_missing_folders_are_all_named(tmp_path):
    with pytest.raises(DatasetError, match=r"no folder .*val/images, .*val/labels; expected ROOT/"):
        CamVid(tmp_path, "val")


def test_image_without_labels_is_named(copy):
    (copy / "val/labels/0016E5_00002.png").unlink()
    with pytest.raises(DatasetError, match=r"1 files are missing: .*val/labels/0016E5_00002\.png; expected ROOT/"):
        CamVid(copy, "val")


def test_empty_split_is_refused(copy):
    for path in (copy / "val/images").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match=r"no \.jpg in .*val/images"):
        CamVid(copy, "val")


def test_damaged_image_is_named(copy):
    (copy / "val/images/0016E5_00001.jpg").write_bytes(b"not a picture")
    with pytest.raises(DatasetError, match=r"0016E5_00001\.jpg: cannot be decoded"):
        CamVid(copy, "val")[1]


def test_labels_of_another_size_are_refused(copy):
    cv2.imwrite(str(copy / "val/labels/0016E5_00001.png"), np.zeros((50, 128), np.uint8))
    with pytest.raises(DatasetError, match=r"0016E5_00001\.png: \[50, 128\], but its image is \[96, 128\]"):
        CamVid(copy, "val")[1]


def test_unknown_label_is_refused(copy):
    cv2.imwrite(str(copy / "val/labels/0016E5_00001.png"), np.full((96, 128), 30, np.uint8))
    with pytest.raises(DatasetError, match="holds id 30, but CamVid's ids are 0 to 11"):
        CamVid(copy, "val")[1]


def test_image_of_another_kind_is_not_passed_over(copy):
    (copy / "val/images/0016E5_00001.jpg").rename(copy / "val/images/0016E5_00001.JPG")
    with pytest.raises(DatasetError, match=r"1 files are misnamed: .*0016E5_00001\.JPG; expected ROOT/"):
        CamVid(copy, "val")


def test_grey_image_is_refused(copy):
    cv2.imwrite(str(copy / "val/images/0016E5_00001.jpg"), np.zeros((96, 128), np.uint8))
    with pytest.raises(DatasetError, match=r"0016E5_00001\.jpg: holds 1 channels of uint8 \(grey\)"):
        CamVid(copy, "val")[1]


def test_labels_in_colours_are_refused(copy):
    cv2.imwrite(str(copy / "val/labels/0016E5_00001.png"), np.zeros((96, 128, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"0016E5_00001\.png: holds uint8 \[96, 128, 3\], but uint8 \[H, W\]"):
        CamVid(copy, "val")[1]
