"""The task of a segmenter: what it refuses before anything is trained."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from dfs_core.data.catalog import DataSpec
from dfs_core.data.transforms import View
from dfs_core.errors import ConfigError, DatasetError
from dfs_core.evaluation.segmentation import load_generator
from dfs_core.models import create_generator
from dfs_core.training import checkpoint
from dfs_core.training.checkpoint import Checkpoint
from dfs_core.training.config import LossConfig, TrainingConfig
from dfs_core.training.segmenter import SegmenterTask


@pytest.fixture
def config():
    return TrainingConfig(
        "segmenter", "unet", DataSpec("scenes", count=4, size=(48, 64)), 1, model_options={"width": 4},
        validation_samples=1, view=View(size=(32, 48)),
    )  # fmt: skip


COLORS = {"model": "pix2pix_rgb", "model_options": {"filters": 4, "blocks": 1}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": LossConfig(adversarial=1.0)}, r"'unet' answers with logits, so it needs .*loss\.adversarial=0"),
        ({"loss": LossConfig(segmentation_forms={"l2_rgb": 1.0})}, "l2_rgb compares colours, not logits"),
        ({"loss": LossConfig(pixel=0.0), **COLORS}, r"answers with colours, .* both are 0; set one"),
        ({"model": "resnet_9blocks"}, "there is no segmenter 'resnet_9blocks'; choose one of deeplabv3, lite,"),
        ({"model_options": {"wdth": 4}}, "the segmenter 'unet' has no option wdth; its options are width"),
    ],
)
def test_loss_or_network_that_does_not_fit_is_refused(config, changes, words):
    with pytest.raises(ConfigError, match=words):
        SegmenterTask(dataclasses.replace(config, **changes))


def test_data_without_labels_is_refused(config, dhazy):
    with pytest.raises(ConfigError, match="data: 'dhazy' has no labels to train a segmenter on"):
        SegmenterTask(dataclasses.replace(config, data=DataSpec("dhazy", dhazy)))


def test_iiou_without_instances_is_refused_at_the_start(config, cityscapes, tmp_path):
    root = shutil.copytree(cityscapes, tmp_path / "cityscapes")
    for path in root.glob("gtFine/*/*/*_instanceIds.png"):
        path.unlink()
    data, loss = DataSpec("cityscapes", root, geometry=False), LossConfig(segmentation_forms={"iiou": 1.0})
    with pytest.raises(DatasetError, match=r"has no instances, .* train without 'iiou' or use a dataset that has them"):
        SegmenterTask(dataclasses.replace(config, data=data, loss=loss))


@pytest.fixture
def dehazer(tmp_path):
    """A checkpoint of a dehazer with first weights."""
    torch.manual_seed(0)
    options = {"width": 4}
    weights = create_generator("fast", options).state_dict()
    config = {"task": "dehazer", "model": "fast", "model_options": options}
    checkpoint.save(tmp_path / "dehazer.ckpt", Checkpoint(config, 1, weights, weights, {}, None))
    return tmp_path / "dehazer.ckpt"


def test_segmenter_sees_through_the_dehazer_which_stays_as_it_is(config, dehazer):
    task = SegmenterTask(dataclasses.replace(config, dehazer=dehazer))
    generator = load_generator(dehazer)
    batch = default_collate([task.stream(1)[0]])
    seen = []
    task.network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    sum(task.losses(batch, task.forward(task.network, batch)).values()).backward()
    hazy = batch["hazy"] / 255.0
    torch.testing.assert_close(seen[0], generator(hazy).dehaze(hazy).clamp(0.0, 1.0))
    assert not torch.equal(batch["hazy"], batch["clear"])
    frozen = task.networks()[-1]
    assert not any(module.training for module in frozen.modules())
    assert all(value.grad is None for value in frozen.parameters())
    assert any(value.grad is not None for value in task.network.parameters())


def test_segmenter_is_validated_on_clear_and_on_dehazed_scenes(config, dehazer):
    task = SegmenterTask(dataclasses.replace(config, dehazer=dehazer, validation_attenuation=(0.01, 0.03)))
    found = task.validate(task.network.eval())
    assert found.figures.keys() == {"miou", "miou@0.01", "miou@0.03"}
    assert list(found.panel[0]) == [
        "clear", "mask of clear", "dehazed@0.01", "mask of dehazed@0.01", "dehazed@0.03", "mask of dehazed@0.03",
        "labels",
    ]  # fmt: skip


def test_segmenter_in_colours_has_no_dehazer(config, dehazer):
    with pytest.raises(ConfigError, match="dehazer: 'pix2pix_rgb' answers with colours and learns from clear scenes"):
        SegmenterTask(dataclasses.replace(config, dehazer=dehazer, **COLORS))


def test_unlabelled_pixels_are_the_same_in_both_pairs_of_the_discriminator(config):
    task = SegmenterTask(dataclasses.replace(config, **COLORS))
    item = task.stream(1)[0]
    batch = {"clear": item["clear"][None], "labels": item["labels"][None].clone()}
    batch["labels"][:, :10] = 255
    pairs = task.pairs(batch, task.network(batch["clear"] / 255.0))
    same = np.asarray((pairs.real == pairs.generated).all(dim=1)[0])
    assert same[:10].all()
    assert not same[10:].all()
