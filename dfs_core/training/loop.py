"""The training loop, on Lightning Fabric: discriminator, network, average, and what is kept of them."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import torch
from lightning_fabric import Fabric

from dfs_core.errors import TrainingError
from dfs_core.training.averaging import Average, kept_share
from dfs_core.training.batches import Deal, load_parts
from dfs_core.training.config import TrainingConfig
from dfs_core.training.optimizers import learning_rate
from dfs_core.training.progress import Progress
from dfs_core.training.record import Record, Seen
from dfs_core.training.run_folder import RunFolder
from dfs_core.training.stop_signal import StopSignal
from dfs_core.training.task import Task
from dfs_core.training.updates import Updates


def train(
    task: Task, config: TrainingConfig, folder: Path, *, resume: bool, fabric: Fabric, progress: Progress | None = None
) -> None:
    """Run all steps of a training run, from the start or from its last checkpoint.

    Args:
        task: what to train.
        config: how.
        folder: where the run is kept.
        resume: go on from the folder's last checkpoint if it has one; its configuration must be the same. Otherwise
            the run that the folder holds is removed.
        fabric: where it is computed, from `make_fabric`.
        progress: shows how far the run is; a new one if not given.

    Raises:
        ConfigError: the folder holds another run, or the configuration does not fit the task or the processes.
        CheckpointError: the last checkpoint is damaged.
        TrainingError: the loss or its gradient is not finite, the disk is full, or Ctrl-C or SIGTERM ended the run,
            which is then saved.
    """
    steps = config.total_steps(task.examples)
    task.to(fabric.device)
    average = Average(task.network)
    updates = Updates(task, config, fabric)
    record = Record(task, config, RunFolder(folder), fabric, updates, average)
    start = record.restore(resume=resume)
    deal = Deal(config.batch, config.accumulate, start, steps, fabric.global_rank, fabric.world_size)
    if start == steps or record.is_exhausted():
        return
    with ExitStack() as stack:
        stop = stack.enter_context(StopSignal())
        meter = record.open(stack, start, progress)
        for step, parts in enumerate(meter.waiting(load_parts(task, config, deal, fabric)), start):
            # (0) the chance and the rate of this step
            seeds = [(config.seed, step, deal.slot(part)) for part in range(deal.parts)]
            updates.set_rate(rate := learning_rate(step, config, steps))
            # (1) discriminator: real pairs up, generated pairs down
            judged = updates.update_discriminator(parts, seeds)
            # (2) network: the sum of the terms, downhill
            terms, norm = updates.differentiate(parts, seeds)
            seen, stopped = _agree({**terms, **judged}, norm, rate, stop, fabric)
            record.refuse_nonfinite(step + 1, parts, seen)
            updates.optimizer.step()
            # (3) the average that is validated and exported
            average.follow(keep=kept_share(step, config.ema))
            # (4) what is kept and shown
            record.keep(step + 1, seen, stopped=stopped)
            if record.is_exhausted() and step + 1 < steps:
                record.end_early(step + 1)
                return
            if stopped and step + 1 < steps:
                raise TrainingError(
                    f"stopped by {stop.name or 'a signal to another process'} after step {step + 1} of {steps}, which "
                    f"is saved in {folder}; the same command goes on from there"
                )


def _agree(
    losses: Mapping[str, torch.Tensor], norm: torch.Tensor, rate: float, stop: StopSignal, fabric: Fabric
) -> tuple[Seen, bool]:
    """Return what the step gave, and whether to stop after it, alike in all processes.

    It is the only moment of a step at which the device is waited for.
    """
    signal = torch.full_like(norm, float(stop.name is not None))
    values = fabric.all_reduce(torch.stack([*losses.values(), norm, signal]), reduce_op="mean")
    *numbers, gradient_norm, share = values.tolist()
    return Seen(dict(zip(losses, numbers, strict=True)), gradient_norm, rate), share > 0.0
