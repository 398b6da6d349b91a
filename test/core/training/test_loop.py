"""Training for real on a miniature of CamVid: it learns, it stops and goes on, it leaves what it promises."""

import dataclasses
import json
import os
import pickle

import pytest
import torch
import yaml
from rich.console import Console
from torch.nn import functional as F

from dfs_core.data.transforms import View
from dfs_core.errors import CheckpointError, ConfigError, TrainingError
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


def run(config, folder, *, resume=True, task=None):
    task = task or (SegmenterTask(config) if config.task == "segmenter" else DehazerTask(config))
    with open(os.devnull, "w") as quiet:  # noqa: PTH123
        progress = Progress(config.steps, config.batch, console=Console(file=quiet))
        train(task, config, folder, resume=resume, progress=progress)
    return checkpoint.load(folder / "last.ckpt")


class StopError(Exception):
    """A user's Ctrl-C."""


def stopped_at(kind, step):
    """Return a kind of task that is stopped in the midst of a step, counted from 1."""

    class Stopped(kind):
        def losses(self, batch):
            self.seen = getattr(self, "seen", 0) + 1
            if self.seen == step:
                raise StopError
            return super().losses(batch)

    return Stopped


def assert_same_weights(first, second):
    assert first.step == second.step
    for kind in ("model", "averaged"):
        for name, value in getattr(first, kind).items():
            assert torch.equal(value, getattr(second, kind)[name]), name


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

    with pytest.raises(StopError):
        run(dehazer_config, halves, task=stopped_at(DehazerTask, 4)(dehazer_config))
    assert checkpoint.load(halves / "last.ckpt").step == 2
    assert_same_weights(run(dehazer_config, halves), whole)


def test_stopped_run_drops_out_the_same_features(config, tmp_path):
    class Dropping(SegmenterTask):
        def losses(self, batch):
            batch = {**batch, "clear": F.dropout(batch["clear"].float(), 0.3)}
            return super().losses(batch)

    whole = run(config, tmp_path / "whole", task=Dropping(config))
    with pytest.raises(StopError):
        run(config, tmp_path / "halves", task=stopped_at(Dropping, 5)(config))
    assert_same_weights(run(config, tmp_path / "halves", task=Dropping(config)), whole)


def test_log_of_a_stopped_run_holds_each_step_once(config, segmenter, tmp_path):
    with pytest.raises(StopError):  # step 3 has been validated, but the last checkpoint is that of step 2
        run(config, tmp_path, task=stopped_at(SegmenterTask, 4)(config))
    with (tmp_path / "metrics.jsonl").open("a") as log:
        log.write('{"step": 4, "mi')  # the power failed here
    run(config, tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text() == (segmenter[0] / "metrics.jsonl").read_text()


def test_same_seed_gives_the_same_network_and_another_seed_another(config):
    first, again, other = (
        SegmenterTask(dataclasses.replace(config, seed=seed)).network.state_dict()["logits.weight"]
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device that torch can use")
def test_run_goes_on_on_a_gpu(dehazer_config, tmp_path):
    with pytest.raises(StopError):
        run(dehazer_config, tmp_path, task=stopped_at(DehazerTask, 4)(dehazer_config))
    assert run(dehazer_config, tmp_path).step == 6


def test_losses_fall_on_scenes_seen_again_and_again(dehazer_config, tmp_path):
    config = dataclasses.replace(dehazer_config, steps=40, learning_rate=5e-3, validate_every=40, save_every=40)
    task = DehazerTask(config)
    batch = torch.utils.data.default_collate([task.stream()[index] for index in range(4)])
    before = sum(task.losses(batch).values()).item()
    run(config, tmp_path, resume=False, task=task)
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

    with pytest.raises(TrainingError, match=r"step 0: the loss is nan on 0016E5_.*; train again into another --out"):
        run(config, tmp_path, task=Broken(config))


def test_resuming_another_run_is_refused(config, segmenter):
    with pytest.raises(ConfigError, match="was trained with another learning_rate"):
        run(dataclasses.replace(config, learning_rate=1.0), segmenter[0])


def test_unknown_precision_is_refused(config, tmp_path):
    with pytest.raises(ConfigError, match=r"precision: .*'half'"):
        run(dataclasses.replace(config, precision="half"), tmp_path)


def test_checkpoint_runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("executed",))

    path = tmp_path / "evil.ckpt"
    path.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(CheckpointError, match=r"evil\.ckpt: not a DFS checkpoint, or damaged .*; give a last\.ckpt"):
        checkpoint.load(path)


def test_dehazer_is_refused_where_a_segmenter_is_needed(dehazer_config, tmp_path):
    run(dehazer_config, tmp_path)
    with pytest.raises(CheckpointError, match="a checkpoint of the task 'dehazer', but a segmenter is needed"):
        DehazerTask(dataclasses.replace(dehazer_config, segmenter=tmp_path / "last.ckpt"))
