"""The task of a dehazer: what its loss reaches and what it leaves alone, and the data and networks it refuses."""

import dataclasses

import pytest
import torch
from torch.utils.data import default_collate

from dfs_core.data.catalog import DataSpec
from dfs_core.data.transforms import View
from dfs_core.errors import CheckpointError, ConfigError, DatasetError
from dfs_core.labels import CAMVID_11, CITYSCAPES_19
from dfs_core.models import create_segmenter
from dfs_core.training import checkpoint
from dfs_core.training.checkpoint import Checkpoint
from dfs_core.training.config import LossConfig, TrainingConfig
from dfs_core.training.config_file import to_plain
from dfs_core.training.dehazer import DehazerTask
from dfs_core.training.machine import make_fabric
from dfs_core.training.updates import Updates

SCENES = DataSpec("scenes", count=4, size=(48, 64))
ONLY_SEGMENTATION = LossConfig(pixel=0.0, segmentation=1.0, transmission=0.0, airlight=0.0, attenuation=0.0)


def write_segmenter(path, labels=CAMVID_11, model="unet", **options):
    """Write a checkpoint of a segmenter with first weights."""
    torch.manual_seed(0)
    weights = create_segmenter(model, labels, options).state_dict()
    config = {"task": "segmenter", "model": model, "model_options": options}
    checkpoint.save(path, Checkpoint(config, 1, weights, weights, {}, labels.name))
    return path


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    return write_segmenter(tmp_path_factory.mktemp("segmenter") / "last.ckpt", width=4)


@pytest.fixture
def config(segmenter):
    """A dehazer that nothing but L_seg teaches."""
    return TrainingConfig(
        task="dehazer", model="fast", model_options={"width": 4}, data=SCENES, steps=2, batch=2, workers=0,
        precision="32-true", segmenter=segmenter, loss=ONLY_SEGMENTATION, validation_samples=1,
        view=View(size=(32, 48)),
    )  # fmt: skip


def test_l_seg_teaches_the_generator_and_leaves_the_segmenter_as_it_is(config):
    task = DehazerTask(config)
    frozen = task.networks()[1]
    before = {name: value.clone() for name, value in frozen.state_dict().items()}
    start = {name: value.detach().clone() for name, value in task.network.named_parameters()}
    fabric = make_fabric(config, accelerator="cpu", devices=1)
    task.to(fabric.device)
    updates = Updates(task, config, fabric)  # sets what learns to training mode
    updates.set_rate(0.01)
    stream = task.stream(4)
    for step in range(2):
        updates.differentiate([default_collate([stream[2 * step], stream[2 * step + 1]])], [(1, step, 0)])
        updates.optimizer.step()
    moved = [name for name, value in task.network.named_parameters() if not torch.equal(value, start[name])]
    assert any(name.startswith("stem") for name in moved)
    assert any(name.startswith("planes") for name in moved)
    assert not any(module.training for module in frozen.modules())
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    for name, value in frozen.state_dict().items():  # BatchNorm's averages are among them
        assert torch.equal(value, before[name]), name


def test_sky_is_asked_for_where_the_generator_draws_it(config):
    fog = dataclasses.replace(config.fog, clear_share=0.0)
    task = DehazerTask(dataclasses.replace(config, fog=fog))
    batch = default_collate([task.stream(1)[0]])
    drawn = task.forward(task.network, batch)
    with_sky, without = (task.pairs(batch, output).real for output in (drawn, drawn._replace(sky=None)))
    hidden = (batch["transmission"] == 0.0).expand_as(with_sky)
    assert hidden.any()
    assert torch.equal(with_sky[hidden], (batch["clear"] / 255.0)[hidden])
    airlight = (batch["airlight"][:, :, None, None] * batch["glow"]).expand_as(without)
    torch.testing.assert_close(without[hidden], airlight[hidden])
    assert torch.equal(with_sky[~hidden], without[~hidden])


def test_dehazer_does_not_look_through_a_dehazer(config):
    with pytest.raises(ConfigError, match="'dehazer' names what a segmenter sees its scenes through"):
        dataclasses.replace(config, dehazer=config.segmenter)


def test_airlight_of_the_scene_is_that_of_validation_too(config):
    drawn, estimated = (
        DehazerTask(dataclasses.replace(config, fog=dataclasses.replace(config.fog, airlight_from_scene=chosen)))
        for chosen in (False, True)
    )
    hazy = [task.validate(task.network.eval()).panel[0]["hazy"] for task in (drawn, estimated)]
    assert (hazy[0] != hazy[1]).any()


@pytest.mark.parametrize(
    ("labels", "model", "words"),
    [
        (CITYSCAPES_19, "unet", r"segmenter: .*knows the classes road, .*but the data 'scenes' has the labels sky, "),
        (CAMVID_11, "pix2pix_rgb", r"'cross_entropy' does not fit .*, which answers with colours; choose of l2_rgb$"),
    ],
)
def test_segmenter_that_does_not_fit_is_refused(config, tmp_path, labels, model, words):
    options = {"width": 4} if model == "unet" else {"filters": 4, "blocks": 1}
    path = write_segmenter(tmp_path / "other.ckpt", labels, model, **options)
    with pytest.raises(ConfigError, match=words):
        DehazerTask(dataclasses.replace(config, segmenter=path))


def test_segmenter_that_only_watches_may_answer_in_colours(config, tmp_path):
    path = write_segmenter(tmp_path / "other.ckpt", CAMVID_11, "pix2pix_rgb", filters=4, blocks=1)
    loss = dataclasses.replace(config.loss, segmentation=0.0, pixel=5.0)
    task = DehazerTask(dataclasses.replace(config, segmenter=path, loss=loss))
    assert {"miou", "segmentation_mse"} <= task.validate(task.network.eval()).figures.keys()


def test_checkpoint_of_a_dehazer_is_no_segmenter(config, tmp_path):
    path = tmp_path / "dehazer.ckpt"
    checkpoint.save(path, Checkpoint(to_plain(config), 1, {}, {}, {}, None))
    with pytest.raises(CheckpointError, match="a checkpoint of the task 'dehazer', but a segmenter is needed"):
        DehazerTask(dataclasses.replace(config, segmenter=path))


def test_weights_of_another_network_are_refused_in_one_line(config, tmp_path):
    path = write_segmenter(tmp_path / "wide.ckpt", width=8)
    state = checkpoint.load(path)
    checkpoint.save(path, dataclasses.replace(state, config=state.config | {"model_options": {"width": 4}}))
    with pytest.raises(CheckpointError, match=r"do not fit the network 'unet' .*size mismatch.*; train it again") as no:
        DehazerTask(dataclasses.replace(config, segmenter=path))
    assert "\n" not in str(no.value)


def test_data_without_labels_has_no_l_seg(config, dhazy):
    with pytest.raises(ConfigError, match=r"'dhazy' has no labels; .* or set segmenter=null and loss\.segmentation=0"):
        DehazerTask(dataclasses.replace(config, data=DataSpec("dhazy", dhazy)))


def test_scenes_without_fog_and_geometry_are_refused_at_the_start(config, cityscapes, tmp_path):
    path = write_segmenter(tmp_path / "19.ckpt", CITYSCAPES_19, width=4)
    data = DataSpec("cityscapes", cityscapes, geometry=False)
    with pytest.raises(DatasetError, match="has neither a hazy picture nor geometry"):
        DehazerTask(dataclasses.replace(config, data=data, segmenter=path))


def test_stride_of_the_network_is_respected(config):
    with pytest.raises(
        ConfigError, match=r"view\.size must be multiples of 256, the stride of 'unet_256', not \[32, 48"
    ):
        DehazerTask(dataclasses.replace(config, model="unet_256", model_options={"filters": 2}))


def test_loss_without_a_term_is_refused(config):
    nothing = dataclasses.replace(ONLY_SEGMENTATION, segmentation=0.0)
    options = {"model": "resnet_9blocks", "model_options": {"filters": 4, "blocks": 1}}
    with pytest.raises(ConfigError, match="every term is 0, so nothing would be learned"):
        DehazerTask(dataclasses.replace(config, loss=nothing, **options))
