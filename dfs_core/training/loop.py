"""The training loop: steps, schedule, averaged weights, checkpoints and logs, on Lightning Fabric."""

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning_fabric import Fabric
from torch import nn
from torch.utils.data import DataLoader

from dfs_core.errors import ConfigError, TrainingError
from dfs_core.training import checkpoint
from dfs_core.training.checkpoint import Checkpoint
from dfs_core.training.config import TrainingConfig, to_plain
from dfs_core.training.progress import Progress
from dfs_core.training.task import Task

LAST, CONFIG, LOG = "last.ckpt", "config.yaml", "metrics.jsonl"


def train(task: Task, config: TrainingConfig, folder: Path, *, resume: bool, progress: Progress) -> None:
    """Run all steps of a training run, from the start or from its last checkpoint.

    Args:
        task: what to train.
        config: how.
        folder: where the run is kept.
        resume: go on from the folder's last checkpoint if it has one; its configuration must be the same.
        progress: shows how far the run is.

    Raises:
        ConfigError: the folder holds another run, or there is no such precision.
        TrainingError: the loss is not finite.
    """
    fabric = _fabric(config)
    task.to(fabric.device)  # before the optimiser's state is restored, which lies where the weights lie
    network = task.network
    averaged = copy.deepcopy(network).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    if not resume:
        (folder / LAST).unlink(missing_ok=True)  # else a run that is stopped early would go on with the old weights
    start = _restore(folder, config, network, averaged, optimizer)
    task.network, optimizer = fabric.setup(network, optimizer)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(yaml.safe_dump(to_plain(config), sort_keys=False), encoding="utf-8")

    batches = _batches(task, config, start)
    _keep_log(folder / LOG, start)
    with progress, (folder / LOG).open("a", encoding="utf-8") as log:
        for step, batch in zip(range(start, config.steps), fabric.setup_dataloaders(batches), strict=True):
            # (1) the chance and the rate of this step
            torch.manual_seed(config.seed + step)  # dropout is that of the step, however often the run was stopped
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * _schedule(step, config)
            # (2) the sum of the terms, downhill
            network.train()
            with fabric.autocast():
                terms = task.losses(batch)
            loss = torch.stack(list(terms.values())).sum()
            if not torch.isfinite(loss):
                names = ", ".join(batch["name"])
                raise TrainingError(
                    f"step {step}: the loss is {loss.item()} on {names}; train again into another --out with a lower "
                    "learning_rate or with precision=32-true"
                )
            optimizer.zero_grad()
            fabric.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            # (3) the average that is evaluated and exported
            _average(averaged, network, keep=min(config.ema, (step + 1) / (step + 10)))
            # (4) what is kept and shown
            done = step + 1
            progress.step(done, {name: term.item() for name, term in terms.items()})
            if done % config.validate_every == 0 or done == config.steps:
                figures = task.validate(averaged)
                log.write(json.dumps({"step": done, **figures}) + "\n")
                log.flush()
                progress.figures(done, figures)
            if done % config.save_every == 0 or done == config.steps:
                checkpoint.save(
                    folder / LAST,
                    Checkpoint(
                        to_plain(config), done, network.state_dict(), averaged.state_dict(), optimizer.state_dict()
                    ),
                )


def _fabric(config: TrainingConfig) -> Fabric:
    try:
        return Fabric(accelerator="auto", devices=1, precision=config.precision)
    except ValueError as error:
        raise ConfigError(f"precision: {error}") from error


def _restore(
    folder: Path, config: TrainingConfig, network: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer
) -> int:
    """Load the last checkpoint, if there is one, and return how many steps it has done."""
    if not (folder / LAST).exists():
        return 0
    state = checkpoint.load(folder / LAST)
    changed = [key for key, value in to_plain(config).items() if state.config.get(key) != value]
    if changed:
        raise ConfigError(
            f"{folder}: was trained with another {', '.join(changed)}; use another --out, or the run's own {CONFIG}"
        )
    network.load_state_dict(state.model)
    averaged.load_state_dict(state.averaged)
    optimizer.load_state_dict(state.optimizer)
    return state.step


def _keep_log(path: Path, steps: int) -> None:
    """Drop what the log says of steps that are about to be done again."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    whole = [line for line in lines if line.endswith("\n")]  # the last one may have been cut off
    kept = [line for line in whole if json.loads(line)["step"] <= steps]
    if kept != lines:
        path.write_text("".join(kept), encoding="utf-8")


def _batches(task: Task, config: TrainingConfig, start: int) -> DataLoader[dict[str, Any]]:
    return DataLoader(
        task.stream(),
        batch_size=config.batch,
        sampler=range(start * config.batch, config.steps * config.batch),
        num_workers=config.workers,
        persistent_workers=False,
    )


def _schedule(step: int, config: TrainingConfig) -> float:
    """Return the share of the highest rate: up along a line, down along a cosine."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    return 0.5 * (1.0 + math.cos(math.pi * done))


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, *, keep: float) -> None:
    for mean, value in _pairs(averaged, network):
        if mean.dtype.is_floating_point:
            mean.lerp_(value, 1.0 - keep)
        else:
            mean.copy_(value)


def _pairs(averaged: nn.Module, network: nn.Module) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    yield from zip(averaged.state_dict().values(), network.state_dict().values(), strict=True)
