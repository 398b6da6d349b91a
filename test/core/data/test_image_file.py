"""Pictures are read whole and as they are, or refused by name."""

import cv2
import numpy as np
import pytest

from dfs_core.data.image_file import read_plane, read_rgb
from dfs_core.errors import DatasetError


def test_colours_are_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.array([[[10, 20, 30]]], np.uint8))  # OpenCV writes BGR
    assert read_rgb(tmp_path / "a.png").tolist() == [[[30, 20, 10]]]


@pytest.mark.parametrize(("channels", "kind"), [(1, "grey"), (4, "transparency")])
def test_picture_of_other_channels_is_refused(tmp_path, channels, kind):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, channels), np.uint8))
    with pytest.raises(DatasetError, match=rf"a\.png: holds {channels} channels of uint8 \({kind}\), .* convert it"):
        read_rgb(tmp_path / "a.png")


def test_plane_keeps_16_bits(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.array([[0, 40000]], np.uint16))
    assert read_plane(tmp_path / "a.png", np.uint16).tolist() == [[0, 40000]]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.99])
def test_png_that_ends_too_soon_is_refused(tmp_path, share):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DatasetError, match=r"a\.png: cannot be decoded; the file is damaged, copy it again"):
        read_rgb(path)


def test_missing_picture_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"a\.png: cannot be read \(No such file or directory\)"):
        read_plane(tmp_path / "a.png", np.uint8)
