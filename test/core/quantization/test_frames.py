"""Which frames a network is shown, and which are kept for the comparison."""

import numpy as np
import pytest

from dfs_core.data.camvid import CamVid
from dfs_core.errors import DatasetError
from dfs_core.labels import CAMVID_11, CITYSCAPES_19
from dfs_core.offline_images import find_images, read_image
from dfs_core.quantization.frames import calibrated, checked, open_frames


def test_pictures_of_a_folder_are_spread_evenly(pictures):
    paths = find_images(pictures)
    frames = open_frames(str(pictures), labels=CAMVID_11, limit=4)
    assert len(frames) == 4
    for index, place in enumerate((0, 4, 7, 11)):
        np.testing.assert_array_equal(frames[index], read_image(paths[place]))


def test_every_fourth_frame_is_kept_for_the_comparison(pictures):
    frames = open_frames(str(pictures), labels=CAMVID_11, limit=100)
    assert checked(frames) == [3, 7, 11]
    assert calibrated(frames) == [0, 1, 2, 4, 5, 6, 8, 9, 10]


@pytest.mark.parametrize("name", ["", "camvid:"])
def test_scenes_of_the_training_split_are_put_into_fog(camvid, name):
    clear = [sample.image for sample in CamVid(camvid, "train")]
    frames = open_frames(f"{name}{camvid}", labels=CAMVID_11, limit=100)
    assert len(frames) == len(clear)
    distances = [float(np.abs(frames[index].astype(int) - image).mean()) for index, image in enumerate(clear)]
    assert max(distances) > 20
    np.testing.assert_array_equal(frames[0], open_frames(str(camvid), labels=CAMVID_11, limit=100)[0])


def test_dataset_with_fog_of_its_own_is_taken_in_it_and_without(foggy_cityscapes):
    frames = open_frames(str(foggy_cityscapes), labels=CITYSCAPES_19, limit=100)
    assert len(frames) == 4
    assert all(frame.dtype == np.uint8 and frame.shape == (64, 128, 3) for frame in frames)


def test_drawn_scenes_need_no_folder():
    assert open_frames("scenes", labels=CAMVID_11, limit=5)[4].shape == (360, 480, 3)


def test_too_few_frames_are_refused(pictures):
    with pytest.raises(DatasetError, match=r"3 frames are too few, at least 4"):
        open_frames(str(pictures), labels=CAMVID_11, limit=3)


def test_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="nowhere: no such folder; give --calibration"):
        open_frames(str(tmp_path / "nowhere"), labels=CAMVID_11, limit=8)
