"""The training stream: repeatable, complete, and never blending labels."""

import dataclasses

import numpy as np
import pytest
import torch

from dfs_core.data.camvid import CamVid
from dfs_core.data.fog import FogRange
from dfs_core.data.sample import Sample
from dfs_core.data.stream import Stream
from dfs_core.data.transforms import View
from dfs_core.errors import DatasetError

VIEW = View(size=(64, 96))


@pytest.fixture(scope="module")
def samples(camvid):
    return list(CamVid(camvid, "train"))


def test_item_is_the_same_whenever_it_is_asked_for(samples):
    first, second = (Stream(samples, VIEW, 20, 1, FogRange()) for _ in range(2))
    _ = first[3], first[11]
    for name, value in first[7].items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, second[7][name]), name


def test_every_epoch_visits_each_sample_once_in_its_own_order(samples):
    stream = Stream(samples, VIEW, 8 * len(samples), 1)
    names = [stream[index]["name"] for index in range(len(stream))]
    epochs = [tuple(names[start : start + 4]) for start in range(0, len(names), 4)]
    assert all(sorted(epoch) == sorted(sample.name for sample in samples) for epoch in epochs)
    assert len(set(epochs)) > 1


def test_fog_obeys_koschmieder_when_the_camera_is_perfect(samples):
    perfect = FogRange(
        clear_share=0.0, unevenness=(0.0, 0.0), noise=(0.0, 0.0), gamma=(1.0, 1.0), jpeg_share=0.0
    )  # fmt: skip
    item = Stream(samples, VIEW, 4, 1, perfect)[0]
    share, airlight = item["transmission"], item["airlight"][:, None, None]
    expected = item["clear"] / 255 * share + airlight * (1 - share)
    assert (item["hazy"] / 255 - expected).abs().max() <= 0.51 / 255


def test_labels_hold_no_class_that_was_not_there(samples):
    stream = Stream(samples, VIEW, 12, 1)
    for index in range(12):
        assert set(stream[index]["labels"].unique().tolist()) <= {0, 1, 3, 8, 255}


def test_small_picture_is_padded_with_unlabelled_pixels(samples):
    view = dataclasses.replace(VIEW, size=(128, 160), scale=(0.5, 0.5))
    sample = view.crop(samples[0], np.random.default_rng(0))
    assert sample.image.shape == (128, 160, 3)
    assert (sample.labels[48:] == 255).all()


def test_mirror_turns_image_labels_and_geometry_alike(samples):
    source = samples[0]
    for seed in range(10):
        view = dataclasses.replace(VIEW, size=source.labels.shape, scale=(1.0, 1.0))
        sample = view.crop(source, np.random.default_rng(seed))
        mirrored = not np.array_equal(sample.labels, source.labels)
        step = -1 if mirrored else 1
        np.testing.assert_array_equal(sample.image, source.image[:, ::step])
        np.testing.assert_array_equal(sample.ray_length, source.ray_length[:, ::step])


def test_sample_refuses_parts_of_different_sizes():
    with pytest.raises(DatasetError, match=r"scene: image \[4, 4\], labels \[4, 5\]"):
        Sample("scene", np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8), np.zeros((4, 4), np.float32))
