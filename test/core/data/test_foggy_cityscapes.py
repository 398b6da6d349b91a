"""Foggy Cityscapes' layout, and every way in which a folder can miss it."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from dfs_core.data.catalog import DataSpec, open_split
from dfs_core.data.foggy_cityscapes import FoggyCityscapes
from dfs_core.errors import DatasetError

REFINED = "foggy_trainval_refined_filenames.txt"
AACHEN = "train/aachen/aachen_000000_000019"


@pytest.fixture
def copy(foggy_cityscapes, tmp_path):
    return shutil.copytree(foggy_cityscapes, tmp_path / "foggy")


def test_frames_come_in_the_order_of_their_names_over_all_cities(foggy_cityscapes):
    names = [sample.name for sample in FoggyCityscapes(foggy_cityscapes, "train")]
    assert names == [
        "aachen_000000_000019",
        "aachen_000001_000019",
        "bad-honnef_000000_000019",
        "hamburg_000000_046078",
    ]
    assert [sample.name for sample in FoggyCityscapes(foggy_cityscapes, "val")] == [
        "munster_000000_000019",
        "munster_000001_000019",
    ]


def test_sample_is_the_pair_of_one_density(foggy_cityscapes):
    sample = FoggyCityscapes(foggy_cityscapes, "train", attenuation=0.02)[0]
    assert sample.attenuation == 0.02
    assert sample.ray_length is None
    # The car is 12 m away and the airlight 220: I = J t + A (1 - t).
    share = np.exp(-0.02 * 12.0)
    expected = sample.image[38, 80] * share + 220 * (1 - share)
    np.testing.assert_allclose(sample.hazy[38, 80], expected, atol=0.51)
    assert sample.image[38, 80].argmax() == 0  # red, so RGB


def test_labels_are_train_ids_and_the_bonnet_is_unlabelled(foggy_cityscapes):
    labels = FoggyCityscapes(foggy_cityscapes, "train")[0].labels
    assert [labels[0, 100], labels[20, 10], labels[55, 5], labels[38, 80], labels[-1, 0]] == [10, 2, 0, 13, 255]


def test_things_are_told_apart_and_groups_are_not_things(foggy_cityscapes):
    sample = FoggyCityscapes(foggy_cityscapes, "train")[0]
    assert sample.instances.dtype == np.int32
    assert ((sample.instances > 0) == (sample.labels == 13)).all()
    assert sample.instances[36, 112] == 0  # people, labelled as a group
    assert sample.labels[36, 112] == 11


def test_without_instance_files_there_are_no_instances(copy):
    for path in copy.glob("gtFine/*/*/*_instanceIds.png"):
        path.unlink()
    assert FoggyCityscapes(copy, "val")[0].instances is None


def test_one_missing_instance_file_is_named(copy):
    (copy / f"gtFine/{AACHEN}_gtFine_instanceIds.png").unlink()
    with pytest.raises(DatasetError, match=r"1 files are missing: .*aachen_000000_000019_gtFine_instanceIds\.png"):
        FoggyCityscapes(copy, "train")


def test_unknown_density_is_answered_with_those_that_are_there(foggy_cityscapes):
    with pytest.raises(DatasetError, match=r"no fog with β = 0\.03 per metre in .*, only 0\.005, 0\.01, 0\.02; choose"):
        FoggyCityscapes(foggy_cityscapes, "train", attenuation=0.03)


def test_refined_list_is_found_in_the_dataset_and_cut_to_the_split(foggy_cityscapes, tmp_path):
    names = [sample.name for sample in FoggyCityscapes(foggy_cityscapes, "train", refined=REFINED)]
    assert names == ["aachen_000000_000019", "bad-honnef_000000_000019"]
    elsewhere = tmp_path / "mine.txt"
    elsewhere.write_text("val/munster/munster_000001_000019\n\ntrain/aachen/aachen_000001_000019\n")
    assert [sample.name for sample in FoggyCityscapes(foggy_cityscapes, "val", refined=elsewhere)] == [
        "munster_000001_000019"
    ]


def test_refined_list_needs_only_the_files_of_its_frames(copy):
    (copy / "leftImg8bit/train/aachen/aachen_000001_000019_leftImg8bit.png").unlink()
    assert len(FoggyCityscapes(copy, "train", refined=REFINED)) == 2


@pytest.mark.parametrize(
    "line",
    [
        "train/../../secret/aachen_000000_000019",
        "/train/aachen/aachen_000000_000019",
        "train/aachen/../aachen_000000_000019",
        "train/hamburg/aachen_000000_000019",
        "aachen_000000_000019",
    ],
)
def test_line_that_is_no_frame_is_refused(foggy_cityscapes, tmp_path, line):
    (tmp_path / "list.txt").write_text(f"{AACHEN}\n{line}\n")
    with pytest.raises(DatasetError, match=r"list\.txt: line 2 is '.*'; expected SPLIT/CITY/FRAME, such as"):
        FoggyCityscapes(foggy_cityscapes, "train", refined=tmp_path / "list.txt")


def test_listed_frames_that_are_not_there_are_named(foggy_cityscapes, tmp_path):
    (tmp_path / "list.txt").write_text(f"{AACHEN}\ntrain/ulm/ulm_000003_000019\n")
    with pytest.raises(DatasetError, match=r"names 1 frames that are not there: ulm_000003_000019; expected ROOT/"):
        FoggyCityscapes(foggy_cityscapes, "train", refined=tmp_path / "list.txt")


def test_list_without_a_frame_of_the_split_is_refused(foggy_cityscapes, tmp_path):
    (tmp_path / "list.txt").write_text(f"{AACHEN}\n")
    with pytest.raises(DatasetError, match=r"names no frame of the split 'val'"):
        FoggyCityscapes(foggy_cityscapes, "val", refined=tmp_path / "list.txt")


def test_list_that_is_missing_or_no_text_is_refused(foggy_cityscapes, tmp_path):
    with pytest.raises(DatasetError, match=r"none\.txt: the list of frames cannot be read \(No such file"):
        FoggyCityscapes(foggy_cityscapes, "val", refined=tmp_path / "none.txt")
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match=r"list\.txt: the list of frames is not text"):
        FoggyCityscapes(foggy_cityscapes, "val", refined=tmp_path / "list.txt")


def test_it_is_opened_by_name(foggy_cityscapes):
    spec = DataSpec("foggy_cityscapes", root=foggy_cityscapes, attenuation=0.005, refined=Path(REFINED))
    split = open_split(spec, "train")
    assert [sample.name for sample in split] == ["aachen_000000_000019", "bad-honnef_000000_000019"]
    assert split[0].attenuation == 0.005


def test_missing_folders_are_all_named(tmp_path):
    with pytest.raises(
        DatasetError, match=r"no folder .*leftImg8bit_foggy/train, .*leftImg8bit/train, .*gtFine/train; expected ROOT/"
    ):
        FoggyCityscapes(tmp_path, "train")


def test_all_missing_files_are_counted_and_named(copy):
    (copy / f"leftImg8bit_foggy/{AACHEN}_leftImg8bit_foggy_beta_0.01.png").unlink()
    (copy / f"leftImg8bit/{AACHEN}_leftImg8bit.png").unlink()
    (copy / f"gtFine/{AACHEN}_gtFine_labelIds.png").unlink()
    with pytest.raises(
        DatasetError,
        match=r"3 files are missing: .*_beta_0\.01\.png, .*_000019_leftImg8bit\.png, .*_gtFine_labelIds\.png; expected",
    ):
        FoggyCityscapes(copy, "train")


@pytest.mark.parametrize(
    "name",
    ["aachen_0_19_leftImg8bit_foggy_beta_0.01.png", "ulm_000000_000019_leftImg8bit_foggy_beta_0.01.png", "a.png"],
)
def test_misnamed_picture_is_refused(copy, name):
    folder = copy / "leftImg8bit_foggy/train/aachen"
    (folder / "aachen_000000_000019_leftImg8bit_foggy_beta_0.02.png").rename(folder / name)
    with pytest.raises(DatasetError, match=rf"1 files are misnamed: .*/aachen/{name}; expected ROOT/leftImg8bit_foggy"):
        FoggyCityscapes(copy, "train")


def test_what_macos_leaves_beside_files_is_passed_over(copy):
    (copy / "leftImg8bit_foggy/train/aachen/._aachen_000000_000019_leftImg8bit_foggy_beta_0.01.png").write_bytes(b"x")
    assert len(FoggyCityscapes(copy, "train")) == 4


def test_empty_split_is_refused(copy):
    for path in (copy / "leftImg8bit_foggy/val").rglob("*.png"):
        path.unlink()
    with pytest.raises(DatasetError, match=r"no picture in .*leftImg8bit_foggy/val; expected"):
        FoggyCityscapes(copy, "val")


def test_truncated_picture_is_named(copy):
    path = copy / f"leftImg8bit_foggy/{AACHEN}_leftImg8bit_foggy_beta_0.01.png"
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DatasetError, match=r"_beta_0\.01\.png: cannot be decoded; the file is damaged"):
        FoggyCityscapes(copy, "train")[0]


def test_labels_of_another_size_are_refused(copy):
    cv2.imwrite(str(copy / f"gtFine/{AACHEN}_gtFine_labelIds.png"), np.zeros((32, 64), np.uint8))
    with pytest.raises(
        DatasetError, match=r"aachen_000000_000019: image \[64, 128\], labels \[32, 64\].* must have the"
    ):
        FoggyCityscapes(copy, "train")[0]
