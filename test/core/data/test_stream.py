"""The training stream: repeatable, complete, and never blending labels."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from dfs_core.data.cache import Cached
from dfs_core.data.camvid import CamVid
from dfs_core.data.fog import FogRange
from dfs_core.data.sample import Sample
from dfs_core.data.stream import Stream
from dfs_core.data.transforms import View
from dfs_core.errors import DatasetError
from dfs_core.labels import CAMVID_11

VIEW = View(size=(64, 96))
PERFECT = FogRange(clear_share=0.0, unevenness=(0.0, 0.0), noise=(0.0, 0.0), gamma=(1.0, 1.0), jpeg_share=0.0)
FROM_SCENE = dataclasses.replace(PERFECT, airlight_from_scene=True)


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
    item = Stream(samples, VIEW, 4, 1, PERFECT)[0]
    share, airlight = item["transmission"], item["airlight"][:, None, None]
    expected = item["clear"] / 255 * share + airlight * (1 - share)
    assert (item["hazy"] / 255 - expected).abs().max() <= 0.51 / 255


def test_uneven_airlight_obeys_koschmieder_after_the_cameras_response(samples):
    fog = dataclasses.replace(PERFECT, airlight_unevenness=(0.1, 0.1), gamma=(1.2, 1.2))
    item = Stream(samples, VIEW, 4, 1, fog)[0]
    assert item["glow"].shape == (1, *VIEW.size)
    assert item["glow"].std() > 0.02
    sky = (item["transmission"] == 0.0).expand(3, -1, -1)
    assert sky.any()
    expected = item["airlight"][:, None, None] * item["glow"]
    assert (item["hazy"] / 255 - expected)[sky].abs().max() <= 0.51 / 255


def test_airlight_of_the_scene_is_estimated_from_all_of_it_and_is_under_the_same_light():
    image = np.full((60, 80, 3), (60, 70, 80), np.uint8)
    image[:20] = (200, 210, 220)  # the sky, which no view of the lower left corner holds
    far = np.full((60, 80), np.inf, np.float32)
    scene = Sample("scene", image, np.zeros((60, 80), np.uint8), far)
    one = (1.0, 1.0)
    view = View((16, 16), scale=one, brightness=(0.5, 0.5), contrast=one, saturation=one, tint=one)
    items = [Stream([scene], view, 20, 1, FROM_SCENE)[index] for index in range(20)]
    assert any(int(item["clear"].max()) == 40 for item in items)  # half of 80: no sky in sight
    for item in items:
        assert (item["airlight"] * 255).tolist() == pytest.approx([100.0, 105.0, 110.0])
        assert item["hazy"].flatten(1).unique(dim=1).flatten().tolist() == [100, 105, 110]  # infinitely far


def test_airlight_of_the_scene_leaves_all_other_chance_alone(samples):
    drawn, estimated = (Stream(samples, VIEW, 4, 1, fog)[2] for fog in (PERFECT, FROM_SCENE))
    for name in ("clear", "labels", "transmission", "attenuation"):
        assert torch.equal(drawn[name], estimated[name])
    assert not torch.equal(drawn["airlight"], estimated["airlight"])


def test_labels_hold_no_class_that_was_not_there(samples):
    stream = Stream(samples, VIEW, 12, 1)
    for index in range(12):
        assert set(stream[index]["labels"].unique().tolist()) <= {0, 1, 3, 8, 255}


def test_small_picture_is_padded_with_unlabelled_pixels(samples):
    view = dataclasses.replace(VIEW, size=(128, 160), scale=(0.5, 0.5))
    sample = view.crop(samples[0], np.random.default_rng(0))
    assert sample.image.shape == (128, 160, 3)
    assert (sample.labels[48:] == 255).all()


def pairs_of(samples, **stated):
    """Return the samples as pairs, the hazy picture being the clear one turned upside down."""
    return [dataclasses.replace(sample, ray_length=None, hazy=sample.image[::-1], **stated) for sample in samples]


def test_pair_is_cut_alike_and_keeps_the_fog_that_it_came_with(samples):
    view = View(size=(96, 128), scale=(1.0, 1.0), mirror=1.0, brightness=(0.7, 1.4))
    item = Stream(pairs_of(samples, attenuation=0.02), view, 4, 1, FogRange())[2]
    assert set(item) == {"clear", "hazy", "labels", "name", "attenuation"}
    assert item["attenuation"] == torch.tensor(0.02)
    assert torch.equal(item["hazy"], item["clear"].flip(1))


def test_pair_whose_fog_is_not_stated_has_no_attenuation(samples):
    assert set(Stream(pairs_of(samples), VIEW, 4, 1, FogRange())[0]) == {"clear", "hazy", "labels", "name"}


def test_without_fog_even_a_pair_is_clear_only(samples):
    assert set(Stream(pairs_of(samples), VIEW, 4, 1)[0]) == {"clear", "labels", "name"}


def test_sample_that_differs_from_the_first_is_named(samples):
    mixed = [*pairs_of(samples[:1], attenuation=0.01), *pairs_of(samples[1:2])]
    stream = Stream(mixed, VIEW, 2, 1, FogRange())
    with pytest.raises(
        DatasetError,
        match="0016E5_00001: has a hazy picture without its attenuation, but the first sample, 0016E5_00000, has a "
        "hazy picture with its attenuation",
    ):
        _ = stream[0], stream[1]


def test_dehazer_cannot_learn_from_scenes_without_fog_and_geometry(samples):
    bare = [dataclasses.replace(sample, ray_length=None) for sample in samples]
    with pytest.raises(DatasetError, match="has neither a hazy picture nor geometry to put fog in"):
        Stream(bare, VIEW, 4, 1, FogRange())[0]
    assert "clear" in Stream(bare, VIEW, 4, 1)[0]


def test_items_of_one_dataset_can_be_a_batch(camvid):
    stream = Stream(Cached(CamVid(camvid, "train")), VIEW, 8, 1, FogRange(), instance_weights=True)
    batch = next(iter(DataLoader(stream, batch_size=8)))
    assert batch["hazy"].shape == (8, 3, 64, 96)
    assert batch["instance_weights"].shape == (8, 64, 96)


def test_items_do_not_depend_on_how_many_processes_make_them(camvid):
    stream = Stream(Cached(CamVid(camvid, "train")), VIEW, 6, 1, FogRange())
    workers = DataLoader(stream, batch_size=1, num_workers=2, multiprocessing_context="fork")
    for expected, found in zip(DataLoader(stream, batch_size=1), workers, strict=True):
        assert expected["name"] == found["name"]
        assert torch.equal(expected["hazy"], found["hazy"])


def test_instance_weights_are_those_of_the_whole_thing(camvid):
    split = CamVid(camvid, "train")
    view = View(size=(32, 32), scale=(1.0, 1.0))
    car = CAMVID_11.id_of("car")
    for index in range(40):
        item = Stream(split, view, 40, 1, instance_weights=True)[index]
        things = item["labels"] == car
        expected = 0.01278 / (20 * 14 / (96 * 128))  # the car of the miniature is 20 x 14 pixels
        assert ((item["instance_weights"][things] - expected).abs() < 1e-6).all()
        assert (item["instance_weights"][~things] == 1.0).all()


def test_instance_weights_need_instances(camvid):
    class Bare(CamVid):
        def __getitem__(self, index):
            return dataclasses.replace(super().__getitem__(index), instances=None)

    with pytest.raises(DatasetError, match="has no instances, which instance weights are made of"):
        Stream(Bare(camvid, "train"), VIEW, 4, 1, instance_weights=True)[0]


def test_instance_weights_need_to_know_the_classes(samples):
    with pytest.raises(DatasetError, match="the samples have no label set"):
        Stream(samples, VIEW, 4, 1, instance_weights=True)[0]


def test_sample_refuses_parts_of_different_sizes():
    with pytest.raises(DatasetError, match=r"scene: image \[4, 4\], labels \[4, 5\]"):
        Sample("scene", np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8), np.zeros((4, 4), np.float32))
