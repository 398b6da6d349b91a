"""Cityscapes' ids against the official tables."""

import cv2
import numpy as np
import pytest
from cityscapesscripts.helpers.labels import labels as official

from dfs_core.data.cityscapes_files import LABEL_IDS, read_instances, read_labels
from dfs_core.errors import DatasetError
from dfs_core.labels import CITYSCAPES_19


def write(path, plane):
    assert cv2.imwrite(str(path), plane)
    return path


def test_every_official_id_becomes_its_train_id(tmp_path):
    stored = [label for label in official if label.id >= 0]
    path = write(tmp_path / "a_labelIds.png", np.array([[label.id for label in stored]], np.uint8))
    assert read_labels(path)[0].tolist() == [label.trainId for label in stored]


def test_label_ids_are_those_of_the_names():
    ids = {label.name: label.id for label in official}
    assert tuple(ids[name] for name in CITYSCAPES_19.names) == LABEL_IDS


def test_train_ids_in_place_of_label_ids_are_refused(tmp_path):
    path = write(tmp_path / "a_labelIds.png", np.array([[0, 18, 255, 40]], np.uint8))
    with pytest.raises(
        DatasetError, match=r"a_labelIds\.png: holds 40, 255, but Cityscapes' label ids are 0 to 33; label"
    ):
        read_labels(path)


def test_coloured_labels_are_refused(tmp_path):
    path = write(tmp_path / "a_labelIds.png", np.zeros((4, 6, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"holds uint8 \[4, 6, 3\], but uint8 \[H, W\] is expected, one channel"):
        read_labels(path)


def test_instances_are_numbered_things_only(tmp_path):
    path = write(tmp_path / "a_instanceIds.png", np.array([[26, 26000, 26001, 7, 24012, 0]], np.uint16))
    numbers = read_instances(path)
    assert numbers.dtype == np.int32
    assert numbers.tolist() == [[0, 26000, 26001, 0, 24012, 0]]


def test_instances_of_8_bits_are_refused(tmp_path):
    path = write(tmp_path / "a_instanceIds.png", np.zeros((4, 6), np.uint8))
    with pytest.raises(DatasetError, match=r"holds uint8 \[4, 6\], but uint16 \[H, W\] is expected"):
        read_instances(path)
