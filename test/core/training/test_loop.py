"""Training for real on a miniature of CamVid: it learns, it stops and goes on, it leaves what it promises."""

import dataclasses
import json
import os
import pickle

import pytest
import torch
import yaml
from rich.console import Console

from dfs_core.data.transforms import View
from dfs_core.errors import ConfigError
from dfs_core.training import checkpoint
from dfs_core.training.config import TrainingConfig
from dfs_core.training.dehazer import DehazerTask
from dfs_core.training.loop import train
from dfs_core.training.progress import Progress
from dfs_core.training.segmenter import SegmenterTask


@pytest.fixture(scope="module")
def config(camvid):
    return TrainingConfig(
        task="segmenter", model="unet", data=camvid, steps=6, batch=2, warmup=2, precision="32-true", workers=0,
        save_every=2, validate_every=3, view=View(size=(64, 96)),
    )  # fmt: skip


def run(config, folder, *, resume=True):
    torch.manual_seed(0)
    task = SegmenterTask(config) if config.task == "segmenter" else DehazerTask(config)
    with open(os.devnull, "w") as quiet:  # noqa: PTH123
        train(
            task,
            config,
            folder,
            resume=resume,
            progress=Progress(config.steps, config.batch, console=Console(file=quiet)),
        )
    return checkpoint.load(folder / "last.ckpt")


@pytest.fixture(scope="module")
def segmenter(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("segmenter")
    return folder, run(config, folder)


@pytest.fixture(scope="module")
def dehazer_config(config, segmenter):
    return dataclasses.replace(
        config, task="dehazer", model="fast", segmenter=segmenter[0] / "last.ckpt", validation_attenuation=(0.02,)
    )


def test_run_leaves_config_log_and_checkpoint(segmenter, config):
    folder, state = segmenter
    assert state.step == 6
    assert yaml.safe_load((folder / "config.yaml").read_text())["model"] == "unet"
    log = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [3, 6]
    assert all(0.0 <= entry["miou"] <= 1.0 for entry in log)


def test_stopped_run_ends_with_the_same_weights(dehazer_config, tmp_path):
    whole = run(dehazer_config, tmp_path / "whole")
    halves = tmp_path / "halves"

    class StopError(Exception):
        pass

    class Interrupted(DehazerTask):
        def losses(self, batch):
            self.seen = getattr(self, "seen", 0) + 1
            if self.seen == 4:
                raise StopError
            return super().losses(batch)

    torch.manual_seed(0)
    with open(os.devnull, "w") as quiet, pytest.raises(StopError):  # noqa: PTH123
        train(Interrupted(dehazer_config), dehazer_config, halves, resume=True,
              progress=Progress(6, 2, console=Console(file=quiet)))  # fmt: skip
    assert checkpoint.load(halves / "last.ckpt").step == 2
    resumed = run(dehazer_config, halves)
    assert resumed.step == whole.step == 6
    for name, value in whole.model.items():
        assert torch.equal(value, resumed.model[name]), name
    for name, value in whole.averaged.items():
        assert torch.equal(value, resumed.averaged[name]), name


def test_losses_fall_on_scenes_seen_again_and_again(dehazer_config, tmp_path):
    config = dataclasses.replace(dehazer_config, steps=40, learning_rate=5e-3, validate_every=40, save_every=40)
    task = DehazerTask(config)
    batch = torch.utils.data.default_collate([task.stream()[index] for index in range(4)])
    before = sum(task.losses(batch).values()).item()
    with open(os.devnull, "w") as quiet:  # noqa: PTH123
        train(task, config, tmp_path, resume=False, progress=Progress(40, 2, console=Console(file=quiet)))
    after = sum(task.losses(batch).values()).item()
    assert after < 0.8 * before


def test_gradient_flows_through_the_frozen_segmenter(dehazer_config):
    task = DehazerTask(dehazer_config)
    batch = torch.utils.data.default_collate([task.stream()[index] for index in range(2)])
    before = {name: value.clone() for name, value in task._segmenter.state_dict().items()}
    task.network.train()
    task.losses(batch)["segmentation"].backward()
    assert all(parameter.grad is not None for parameter in task.network.decode_half.parameters())
    assert all(parameter.grad is None for parameter in task._segmenter.parameters())
    for name, value in task._segmenter.state_dict().items():  # BatchNorm's statistics too
        assert torch.equal(value, before[name]), name


def test_loss_that_is_not_finite_names_the_frames(config, tmp_path):
    class Broken(SegmenterTask):
        def losses(self, batch):
            return {"segmentation": super().losses(batch)["segmentation"] * float("nan")}

    with open(os.devnull, "w") as quiet, pytest.raises(ConfigError, match=r"step 0: the loss is nan on 0016E5_"):  # noqa: PTH123
        train(Broken(config), config, tmp_path, resume=False, progress=Progress(6, 2, console=Console(file=quiet)))


def test_resuming_another_run_is_refused(config, segmenter):
    with pytest.raises(ConfigError, match="was trained with another learning_rate"):
        run(dataclasses.replace(config, learning_rate=1.0), segmenter[0])


def test_checkpoint_runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("executed",))

    path = tmp_path / "evil.ckpt"
    path.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(ConfigError, match=r"evil\.ckpt: not a DFS checkpoint"):
        checkpoint.load(path)


def test_segmenter_is_refused_where_a_segmenter_is_not_what_it_is(dehazer_config, tmp_path):
    run(dehazer_config, tmp_path)
    with pytest.raises(ConfigError, match="a checkpoint of the task 'dehazer', but a segmenter is needed"):
        DehazerTask(dataclasses.replace(dehazer_config, segmenter=tmp_path / "last.ckpt"))
