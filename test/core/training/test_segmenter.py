"""The task of a segmenter: what it refuses before anything is trained."""

import dataclasses
import shutil

import numpy as np
import pytest

from dfs_core.data.catalog import DataSpec
from dfs_core.data.transforms import View
from dfs_core.errors import ConfigError, DatasetError
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


def test_unlabelled_pixels_are_the_same_in_both_pairs_of_the_discriminator(config):
    task = SegmenterTask(dataclasses.replace(config, **COLORS))
    item = task.stream(1)[0]
    batch = {"clear": item["clear"][None], "labels": item["labels"][None].clone()}
    batch["labels"][:, :10] = 255
    pairs = task.pairs(batch, task.network(batch["clear"] / 255.0))
    same = np.asarray((pairs.real == pairs.generated).all(dim=1)[0])
    assert same[:10].all()
    assert not same[10:].all()
