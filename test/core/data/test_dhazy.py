"""D-HAZY's layout, its division in two, and every way in which a folder can miss it."""

import shutil

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfs_core.data.catalog import DataSpec, open_split
from dfs_core.data.dhazy import DHazy
from dfs_core.errors import DatasetError


@pytest.fixture
def copy(dhazy, tmp_path):
    return shutil.copytree(dhazy, tmp_path / "dhazy")


def names(split):
    return [sample.name for sample in split]


def test_pair_is_read_as_it_was_hazed(dhazy):
    sample = DHazy(dhazy, "train")[0]
    number = int(sample.name)
    share = np.exp(-(3.0 + 0.1 * number))  # the far wall, white airlight
    expected = sample.image[20, 20] * share + 255 * (1 - share)
    np.testing.assert_allclose(sample.hazy[20, 20], expected, atol=0.51)
    red, _, blue = sample.image.mean(axis=(0, 1))
    assert red > blue


def test_there_are_no_labels_and_no_geometry(dhazy):
    split = DHazy(dhazy, "train")
    assert split.labels is None
    sample = split[0]
    assert (sample.labels == 255).all()
    assert (sample.ray_length, sample.attenuation, sample.instances) == (None, None, None)


@given(seed=st.integers(0, 2**31), share=st.floats(0.1, 0.9))
@settings(max_examples=15, deadline=None)
def test_both_parts_together_are_the_whole_once(dhazy, seed, share):
    train, val = (names(DHazy(dhazy, split, train_share=share, seed=seed)) for split in ("train", "val"))
    assert sorted(train + val, key=int) == [str(number) for number in range(1, 11)]
    assert len(train) == round(share * 10)


def test_division_is_the_same_everywhere(dhazy):
    # Written down once: another division would train on what earlier runs were validated on.
    assert names(DHazy(dhazy, "val", seed=1)) == ["4", "7"]
    assert names(DHazy(dhazy, "val", seed=2)) == ["2", "9"]


def test_pairs_come_in_the_order_of_their_numbers(dhazy):
    train = [int(name) for name in names(DHazy(dhazy, "train"))]
    assert train == sorted(train)


def test_it_is_opened_by_name(dhazy):
    spec = DataSpec("dhazy", root=dhazy, train_share=0.5, seed=2)
    assert names(open_split(spec, "val")) == names(DHazy(dhazy, "val", train_share=0.5, seed=2))


def test_missing_folders_are_all_named(tmp_path):
    with pytest.raises(DatasetError, match=r"no folder .*NYU_Hazy, .*NYU_GT; expected ROOT/NYU_Hazy/N_Hazy\.bmp with"):
        DHazy(tmp_path, "train")


def test_pictures_without_their_other_half_are_named(copy):
    (copy / "NYU_GT/3_Image_.bmp").unlink()
    (copy / "NYU_Hazy/7_Hazy.bmp").unlink()
    with pytest.raises(DatasetError, match=r"2 files are missing: .*NYU_GT/3_Image_\.bmp, .*NYU_Hazy/7_Hazy\.bmp"):
        DHazy(copy, "val")


@pytest.mark.parametrize(
    ("folder", "name"), [("NYU_Hazy", "hazy_3.bmp"), ("NYU_GT", "3_Image.bmp"), ("NYU_GT", "03_Image_.bmp")]
)
def test_misnamed_picture_is_refused(copy, folder, name):
    shutil.copy(copy / "NYU_Hazy/3_Hazy.bmp", copy / folder / name)
    with pytest.raises(DatasetError, match=rf"1 files are misnamed: .*{folder}/{name}; expected ROOT/"):
        DHazy(copy, "train")


def test_unknown_split_is_refused(dhazy):
    with pytest.raises(DatasetError, match=r"no split 'test', only train and val"):
        DHazy(dhazy, "test")


def test_empty_part_is_refused(tmp_path):
    for folder in ("NYU_Hazy", "NYU_GT"):
        (tmp_path / folder).mkdir()
    with pytest.raises(DatasetError, match=r"0 pairs in .* leave none for 'train'; expected ROOT/"):
        DHazy(tmp_path, "train")


def test_truncated_picture_is_named(copy):
    split = DHazy(copy, "train")
    path = copy / f"NYU_Hazy/{split[0].name}_Hazy.bmp"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DatasetError, match=r"_Hazy\.bmp: cannot be decoded; the file is damaged"):
        split[0]


def test_halves_of_different_sizes_are_refused(copy):
    split = DHazy(copy, "train")
    cv2.imwrite(str(copy / f"NYU_GT/{split[0].name}_Image_.bmp"), np.zeros((40, 60, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"image \[40, 60\], labels \[40, 60\], hazy \[48, 64\] must have the same"):
        split[0]
