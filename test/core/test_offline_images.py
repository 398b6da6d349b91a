"""Folders of images: which files count, and names that would take each other's place."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from dfs_core.artifact import Artifact
from dfs_core.errors import DatasetError
from dfs_core.labels import CAMVID_11
from dfs_core.offline import Options
from dfs_core.offline_images import dehaze_folder, find_images
from dfs_core.runtime import Dehazer, Result


class HalfAsBright(Dehazer):
    """What a model is to `dehaze_folder`, of a known answer."""

    backend = "half as bright"

    def __call__(self, frames, *, dehaze=True, segment=True, adjustments=(), out=()):  # noqa: ARG002, D102
        mask = np.full(frames.shape[:3], 3, np.uint8)
        return Result(frames // 2 if dehaze else None, mask if segment else None, np.full(len(frames), 0.02, "f4"))


@pytest.fixture
def dehazer():
    return HalfAsBright(Artifact("half", CAMVID_11), precision="fp32")


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((20, 30, 3), 200, np.uint8))


def test_images_below_the_folder_are_found_and_folders_named_like_images_are_not(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "drive.png" / "b.jpg")
    picture(tmp_path / ".hidden.png")
    assert [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)] == ["a.png", "drive.png/b.jpg"]


@pytest.mark.parametrize("names", [("a.jpg", "a.png"), ("a.png", "a_mask.png")])
def test_masks_that_would_take_another_files_place_are_refused(dehazer, tmp_path, names):
    for name in names:
        picture(tmp_path / "in" / name)
    with pytest.raises(DatasetError, match=r"its mask would take the name a_mask\.png from .*, or give --no-masks"):
        dehaze_folder(dehazer, tmp_path / "in", tmp_path / "out", Options())
    assert not (tmp_path / "out").exists()
    assert dehaze_folder(dehazer, tmp_path / "in", tmp_path / "out", Options(masks=False)).frames == 2


def test_image_that_cannot_be_opened_is_named_and_the_others_are_dehazed(dehazer, tmp_path):
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").symlink_to(tmp_path / "gone.png")
    tally = dehaze_folder(dehazer, tmp_path / "in", tmp_path / "out", Options())
    assert tally.frames == 1
    assert len(tally.bad) == 1
    assert "b.png: cannot be read" in tally.bad[0]
    assert tally.bad[0].endswith("not copied either (No such file or directory)")
    assert (cv2.imread(str(tmp_path / "out/a.png")) == 100).all()
    assert (cv2.imread(str(tmp_path / "out/a_mask.png"), cv2.IMREAD_UNCHANGED) == 3).all()
