"""Training for real with tiny networks: the steps of pix2pix, what stops a run, and how it goes on."""

import dataclasses
import json
import math
import multiprocessing
import os
import signal

import pytest
import torch
from torch.nn import functional as F
from torch.utils.data import Dataset, default_collate

from dfs_core.errors import CheckpointError, ConfigError, DatasetError, TrainingError
from dfs_core.training import checkpoint

PARTS = ("model", "averaged", "discriminator")


class StopError(Exception):
    """The power fails."""


def broken_at(kind, step, action):
    """Return a kind of task in which something happens in the midst of a step, counted from 1."""

    class Broken(kind):
        seen = 0

        def losses(self, batch, output):
            self.seen += 1
            terms = super().losses(batch, output)
            return action(terms) if self.seen == step else terms

    return Broken


def fail(_):
    raise StopError


def assert_same(first, second, *, tolerance=0.0):
    assert first.step == second.step
    for part in PARTS:
        for name, value in getattr(first, part).items():
            if not name.endswith("num_batches_tracked"):
                torch.testing.assert_close(value, getattr(second, part)[name], rtol=0.0, atol=tolerance)
    if tolerance == 0.0:
        for part in ("optimizer", "discriminator_optimizer"):
            assert_same_state(getattr(first, part), getattr(second, part))


def assert_same_state(first, second):
    for number, state in first["state"].items():
        for name, value in state.items():
            assert torch.equal(value, second["state"][number][name]), name


@pytest.fixture(params=[False, True], ids=["plain", "with_norm"])
def norm(request):
    return request.param


def plain_pix2pix(task, config):
    """Train as pix2pix's own loop does, in the plainest PyTorch."""
    network, judge = task.network.train(), task.discriminator.train()
    moves = torch.optim.AdamW(network.parameters(), betas=config.betas, weight_decay=config.weight_decay)
    judge_moves = torch.optim.Adam(judge.parameters(), betas=config.betas)
    for step in range(config.steps):
        share = [0.5, 1.0, 1.0, 1.0][step]
        moves.param_groups[0]["lr"] = share * config.learning_rate
        judge_moves.param_groups[0]["lr"] = share * config.discriminator_learning_rate
        items = [task.stream(100)[index] for index in range(step * config.batch, (step + 1) * config.batch)]
        batch = default_collate(items)
        dark, bright = batch["dark"] / 255.0, batch["bright"] / 255.0
        made = network(dark)
        real, fake = judge(dark, bright), judge(dark, made.detach())
        judge_moves.zero_grad()
        (0.5 * (F.mse_loss(real, torch.ones_like(real)) + F.mse_loss(fake, torch.zeros_like(fake)))).backward()
        torch.nn.utils.clip_grad_norm_(judge.parameters(), config.clip or math.inf)
        judge_moves.step()
        score = judge(dark, made)
        moves.zero_grad()
        (10.0 * F.l1_loss(made, bright) + F.mse_loss(score, torch.ones_like(score))).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip or math.inf)
        moves.step()
    return network.state_dict(), judge.state_dict()


@pytest.mark.parametrize("clip", [None, 0.5])
def test_steps_are_those_of_pix2pix(config, brighten, run, tmp_path, norm, clip):
    config = dataclasses.replace(config, steps=4, schedule="constant", clip=clip, weight_decay=0.1)
    state, _ = run(brighten(config, norm=norm), tmp_path)
    network, judge = plain_pix2pix(brighten(config, norm=norm), config)
    for found, expected in ((state.model, network), (state.discriminator, judge)):
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5)


def test_batch_in_parts_is_the_batch(config, brighten, run, tmp_path):
    config = dataclasses.replace(config, learning_rate=1e-3)
    whole, _ = run(brighten(config), tmp_path / "whole")
    parts, _ = run(brighten(dataclasses.replace(config, accumulate=4)), tmp_path / "parts")
    assert_same(whole, parts, tolerance=1e-5)


def test_norm_counts_each_part_once(config, brighten, run, tmp_path):
    state, _ = run(brighten(dataclasses.replace(config, accumulate=2), norm=True), tmp_path)
    assert state.model["1.num_batches_tracked"] == 2 * config.steps


def test_average_follows_the_weights(config, brighten, run, tmp_path):
    config = dataclasses.replace(config, steps=2)
    first, _ = run(brighten(dataclasses.replace(config, steps=1, schedule="constant")), tmp_path / "one")
    second, _ = run(brighten(dataclasses.replace(config, schedule="constant")), tmp_path / "two")
    before = brighten(config).network.state_dict()
    for name, value in second.averaged.items():  # of the first step 0.9 are forgotten, of the second 9 / 11
        once = 0.1 * before[name] + 0.9 * first.model[name]
        torch.testing.assert_close(value, 2 / 11 * once + 9 / 11 * second.model[name])


def test_no_average_is_the_weights_themselves(config, brighten, run, tmp_path):
    state, _ = run(brighten(dataclasses.replace(config, ema=0.0), norm=True), tmp_path)
    for name, value in state.model.items():
        assert torch.equal(value, state.averaged[name]), name


@pytest.mark.parametrize("accumulate", [1, 2])
def test_stopped_run_ends_with_the_same_weights(config, brighten, run, tmp_path, accumulate):
    config = dataclasses.replace(config, accumulate=accumulate)
    kinds = {"norm": True, "dropout": 0.5}
    whole, _ = run(brighten(config, **kinds), tmp_path / "whole")
    halves = tmp_path / "halves"
    with pytest.raises(StopError):
        run(broken_at(brighten, 4 * accumulate, fail)(config, **kinds), halves)
    assert checkpoint.load(halves / "last.ckpt").step == 2
    state, printed = run(brighten(config, **kinds), halves)
    assert "goes on after step 2" in printed
    assert_same(whole, state)


def test_finished_run_is_left_as_it_is(config, brighten, run, tmp_path):
    run(brighten(config), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    run(brighten(config), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_workers_may_change_but_not_what_the_weights_depend_on(config, brighten, run, tmp_path):
    run(brighten(config), tmp_path)
    run(brighten(dataclasses.replace(config, workers=1, save_every=5)), tmp_path)
    with pytest.raises(
        ConfigError, match=r"was trained with another batch, learning_rate; use another --out, .*--no-r"
    ):
        run(brighten(dataclasses.replace(config, learning_rate=1.0, batch=8)), tmp_path)


def test_checkpoint_from_before_a_key_was_new_goes_on(config, brighten, run, tmp_path):
    run(brighten(config), tmp_path)
    old = torch.load(tmp_path / "last.ckpt", weights_only=True)
    del old["config"]["patience"], old["config"]["fog"]["airlight_from_scene"]
    torch.save(old, tmp_path / "last.ckpt")
    assert run(brighten(config), tmp_path)[0].step == 6


def test_error_of_a_worker_is_what_it_said(config, brighten, run, tmp_path):
    class Damaged(Dataset):
        def __len__(self):
            return 24

        def __getitem__(self, index):
            raise DatasetError(f"square_{index}.png: cannot be decoded; copy it again")

    class DamagedTask(brighten):
        def stream(self, _):
            return Damaged()

    with pytest.raises(DatasetError) as error:
        run(DamagedTask(dataclasses.replace(config, workers=1)), tmp_path)
    assert str(error.value) == "square_0.png: cannot be decoded; copy it again"
    assert multiprocessing.active_children() == []  # else the end of Python would wait for them


def test_beginning_again_removes_the_run_and_nothing_else(config, brighten, run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    first, _ = run(brighten(config), tmp_path)
    other = dataclasses.replace(config, seed=2, steps=4)
    second, _ = run(brighten(other), tmp_path, resume=False)
    assert (first.step, second.step) == (6, 4)
    assert [path.name for path in sorted((tmp_path / "samples").iterdir())] == ["step_000003.png", "step_000004.png"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_checkpoint_of_other_networks_is_refused(config, brighten, run, tmp_path):
    run(brighten(config), tmp_path)
    with pytest.raises(CheckpointError, match=r"last\.ckpt: its weights do not fit .* train again with --no-resume"):
        run(brighten(config, norm=True), tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_run_with_the_step_that_it_came_in(config, brighten, run, tmp_path, number):
    def interrupt(terms):
        os.kill(os.getpid(), number)
        return terms

    with pytest.raises(
        TrainingError, match=f"stopped by {number.name} after step 3 of 6, which is saved in .*same com"
    ):
        run(broken_at(brighten, 3, interrupt)(config), tmp_path)
    assert checkpoint.load(tmp_path / "last.ckpt").step == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    whole, _ = run(brighten(config), tmp_path / "whole")
    assert_same(whole, run(brighten(config), tmp_path)[0])


def test_second_interrupt_acts_at_once(config, brighten, run, tmp_path):
    def interrupt(terms):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return terms

    with pytest.raises(KeyboardInterrupt):
        run(broken_at(brighten, 3, interrupt)(config), tmp_path)
    assert checkpoint.load(tmp_path / "last.ckpt").step == 2


def test_loss_that_is_not_finite_names_the_items(config, brighten, run, tmp_path):
    def spoil(terms):
        return {**terms, "pixel": terms["pixel"] * float("nan")}

    words = "step 5: pixel is nan on square_16, square_17, square_18, square_19 .*nonfinite.json.*lower learning_rate"
    with pytest.raises(TrainingError, match=words):
        run(broken_at(brighten, 5, spoil)(config), tmp_path)
    found = json.loads((tmp_path / "nonfinite.json").read_text())
    assert (found["step"], found["names"][0], found["values"]["pixel"]) == (5, "square_16", "nan")
    state = checkpoint.load(tmp_path / "last.ckpt")
    assert state.step == 4
    assert all(torch.isfinite(value).all() for value in state.model.values())


def test_gradient_that_is_not_finite_stops_the_run_too(config, brighten, run, tmp_path):
    def spoil(terms):
        zero = terms["pixel"] - terms["pixel"].detach()
        return {**terms, "root": zero.sqrt()}  # 0, with an infinite slope

    with pytest.raises(TrainingError, match=r"step 2: norm of the gradient is (nan|inf) on square_4"):
        run(broken_at(brighten, 2, spoil)(config), tmp_path)


def test_best_checkpoint_is_that_of_the_best_figure(config, brighten, run, tmp_path):
    errors = iter([0.5, 0.2, 0.3, 0.2])

    class Judged(brighten):
        def validate(self, network):
            found = super().validate(network)
            return found._replace(figures={"error": next(errors)})

    state, _ = run(Judged(dataclasses.replace(config, validate_every=1, steps=4)), tmp_path)
    assert (state.best, state.stale) == (0.2, 2)
    assert checkpoint.load(tmp_path / "best.ckpt").step == 2


def test_run_ends_early_when_nothing_gets_better(config, brighten, run, tmp_path):
    class Stale(brighten):
        def validate(self, network):
            return super().validate(network)._replace(figures={"score": 1.0})

    config = dataclasses.replace(config, validate_every=1, patience=2, monitor="score")
    state, printed = run(Stale(config), tmp_path)
    assert state.step == 3
    assert "ended, as 2 validations brought no better score than 1, which is in best.ckpt" in printed
    assert run(Stale(config), tmp_path)[0].step == 3


def test_unknown_monitor_is_refused_before_anything_is_trained(config, brighten, run, tmp_path):
    with pytest.raises(ConfigError, match="monitor: there is no figure 'miou'; this run has error, nothing"):
        run(brighten(dataclasses.replace(config, monitor="miou")), tmp_path)


def test_batch_that_cannot_be_shared_is_refused(config, brighten, run, tmp_path):
    task = brighten(config)
    task.config = dataclasses.replace(config, batch=5, accumulate=1)
    object.__setattr__(task.config, "accumulate", 2)
    with pytest.raises(ConfigError, match="batch is 5, which 1 processes with accumulate=2 cannot share evenly"):
        run(task, tmp_path)


def test_epochs_are_counted_in_examples(config, brighten, run, tmp_path):
    state, _ = run(brighten(dataclasses.replace(config, steps=None, epochs=2)), tmp_path)
    assert state.step == 3  # of 4 items each: 6 examples twice


def test_run_without_a_discriminator(config, brighten, run, tmp_path):
    config = dataclasses.replace(config, loss=dataclasses.replace(config.loss, adversarial=0.0))
    state, printed = run(brighten(config), tmp_path)
    assert state.discriminator == {}
    assert "discriminator" not in printed


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device that torch can use")
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_run_goes_on_on_a_gpu(config, brighten, tmp_path, precision):
    from dfs_core.training.loop import train
    from dfs_core.training.machine import make_fabric

    config = dataclasses.replace(config, precision=precision)
    for kind, error in ((broken_at(brighten, 4, fail), StopError), (brighten, None)):
        task, fabric = kind(config), make_fabric(config, devices=1)
        if error is None:
            train(task, config, tmp_path, resume=True, fabric=fabric)
        else:
            with pytest.raises(error):
                train(task, config, tmp_path, resume=True, fabric=fabric)
    assert checkpoint.load(tmp_path / "last.ckpt").step == 6
