"""What a run keeps of its steps and shows of them: checkpoints, validations, the log, the display."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import torch
from lightning_fabric import Fabric

from dfs_core.errors import TrainingError
from dfs_core.models.cost import describe
from dfs_core.training.averaging import Average
from dfs_core.training.checkpoint import Checkpoint
from dfs_core.training.config import TrainingConfig
from dfs_core.training.config_file import to_plain
from dfs_core.training.environment import describe_environment
from dfs_core.training.meter import Meter
from dfs_core.training.metrics_log import MetricsLog
from dfs_core.training.monitor import Monitor
from dfs_core.training.progress import Progress
from dfs_core.training.run_folder import RunFolder
from dfs_core.training.task import Batch, Task, Validation
from dfs_core.training.updates import Updates

LOG_EVERY = 10
"""Steps between two rows of the log; every checkpoint and every validation ends a row too."""


class Seen(NamedTuple):
    """What a step gave: means over all processes.

    Attributes:
        losses: each term, and L_D under the name `discriminator`.
        gradient_norm: of the network, before clipping.
        learning_rate: of the step.
    """

    losses: dict[str, float]
    gradient_norm: float
    learning_rate: float

    def row(self) -> dict[str, float]:
        """Return the values by the names that they have in the log."""
        return {f"loss/{name}": value for name, value in self.losses.items()} | {
            "train/gradient_norm": self.gradient_norm,
            "train/learning_rate": self.learning_rate,
        }


class Record:
    """Keeps and shows a run.

    The first of several processes alone reads checkpoints, validates, shows and writes; the others wait for it. Figures
    such as the mean IoU belong to the whole split, so sharing it out would not give them.
    """

    def __init__(
        self, task: Task, config: TrainingConfig, folder: RunFolder, fabric: Fabric, updates: Updates, average: Average
    ) -> None:
        self._task, self._config, self._folder, self._fabric = task, config, folder, fabric
        self._updates, self._average = updates, average
        self._monitor = Monitor(task, config)
        self._meter = Meter(config.batch)
        self._steps = config.total_steps(task.examples)

    def is_exhausted(self) -> bool:
        """Whether the validations have become no better for too long."""
        return self._monitor.exhausted

    def restore(self, *, resume: bool) -> int:
        """Bring all processes to where the run was, and return how many steps it has done.

        Raises:
            ConfigError: the folder holds another run.
            CheckpointError: the last checkpoint is damaged, or does not fit the networks.
        """
        state = None
        if self._fabric.is_global_zero:
            if not resume:
                self._folder.clear()
            state = self._folder.last(self._config)
        state = self._fabric.broadcast(state)
        if state is None:
            return 0
        try:
            self._load(state)
        except (RuntimeError, ValueError, KeyError) as error:  # what torch raises for names and shapes that differ
            raise self._folder.misfit(error) from error
        return state.step

    def open(self, stack: ExitStack, start: int, progress: Progress | None) -> Meter:
        """Begin to keep and to show, until the stack is closed; return the meter that times the steps."""
        if self._fabric.is_global_zero:
            self._folder.begin(self._config, describe_environment(self._fabric), start)
            self._log = stack.enter_context(MetricsLog(self._folder.path, start))
            self._progress = stack.enter_context(progress or Progress(self._steps, self._config.batch))
            for line in self._introduction(start):
                self._progress.say(line)
            if self._config.monitor is not None and start == 0:  # a typo is found now, not after `validate_every` steps
                self._monitor.value(self._task.validate(self._average.network).figures)
        return self._meter

    def keep(self, done: int, seen: Seen, *, stopped: bool) -> None:
        """Log, validate and save what is due after `done` steps.

        Raises:
            TrainingError: the disk is full.
        """
        config, last = self._config, done == self._steps
        validates = last or done % config.validate_every == 0
        if self._fabric.is_global_zero:
            self._meter.take(seen.row())
            self._progress.step(done, seen.losses, seconds=self._meter.seconds, waited=self._meter.waited)
            validation = self._task.validate(self._average.network) if validates else Validation({}, [])
            is_best = validates and self._monitor.take(validation.figures)
            saves = last or stopped or self.is_exhausted() or done % config.save_every == 0
            if validates or saves or done % LOG_EVERY == 0:
                figures = {f"validation/{name}": value for name, value in validation.figures.items()}
                self._log.add(done, self._meter.row() | figures)
            if validates:
                self._progress.figures(done, validation.figures, is_best=is_best)
                self._folder.show(done, self._log.rows, validation.panel)
            if is_best or saves:
                self._log.flush()  # what comes before a checkpoint is not written again after it
                state = self._state(done)
                if is_best:
                    self._folder.save(state, is_best=True)
                if saves:
                    self._folder.save(state)
        if validates:
            self._monitor.stale = self._fabric.broadcast(self._monitor.stale)

    def end_early(self, done: int) -> None:
        """Say why the run ends before its last step."""
        if self._fabric.is_global_zero:
            self._progress.say(
                f"step {done}: ended, as {self._monitor.stale} validations brought no better {self._monitor.name} than "
                f"{self._monitor.best:.4g}, which is in best.ckpt"
            )

    def refuse_nonfinite(self, done: int, parts: Sequence[Batch], seen: Seen) -> None:
        """Stop a run whose loss or gradient is no finite number, before it reaches the weights.

        Raises:
            TrainingError: with the names of the items, which are written down too.
        """
        broken = {name: value for name, value in seen.losses.items() if not math.isfinite(value)}
        if not broken and self._config.precision != "16-mixed":  # there the scaling of the loss is made smaller instead
            broken = {} if math.isfinite(seen.gradient_norm) else {"norm of the gradient": seen.gradient_norm}
        if not broken:
            return
        names = self._gather([name for batch in parts for name in batch["name"]])
        where = self._folder.path
        if self._fabric.is_global_zero:
            values = {**seen.losses, "gradient_norm": seen.gradient_norm}
            where = self._folder.save_nonfinite(done, names, values)
        what = ", ".join(f"{name} is {value}" for name, value in broken.items())
        raise TrainingError(
            f"step {done}: {what} on {', '.join(names)} (also in {where}); look at these, or train again into another "
            "--out with a lower learning_rate or precision=32-true"
        )

    def _gather(self, names: list[str]) -> list[str]:
        """Return the names of all processes, in the order of their ranks."""
        if self._fabric.world_size == 1:
            return names
        everyone: list[list[str]] = [[]] * self._fabric.world_size
        torch.distributed.all_gather_object(everyone, names)
        return [name for names in everyone for name in names]

    def _introduction(self, start: int) -> list[str]:
        """Return what is said at the start."""
        config, task, fabric = self._config, self._task, self._fabric
        lines = [f"{config.task} '{config.model}': {describe(task.network, *config.view.size)}"]
        if task.discriminator is not None:
            cost = describe(task.discriminator, *config.view.size, images=2)
            lines.append(f"discriminator '{config.discriminator}': {cost}")
        processes = f"{fabric.world_size} x {fabric.device.type}" if fabric.world_size > 1 else str(fabric.device)
        parts = f" in {config.accumulate} parts" if config.accumulate > 1 else ""
        lines.append(
            f"{self._steps} steps of {config.batch} images{parts} out of {task.examples}, on {processes} in "
            f"{config.precision}, kept in {self._folder.path}"
        )
        return [*lines, f"goes on after step {start}"] if start else lines

    def _state(self, done: int) -> Checkpoint:
        task, updates = self._task, self._updates
        rival = task.discriminator
        return Checkpoint(
            to_plain(self._config),
            done,
            task.network.state_dict(),
            self._average.network.state_dict(),
            updates.optimizer.state_dict(),
            None if task.labels is None else task.labels.name,
            {} if rival is None else rival.state_dict(),
            {} if updates.discriminator_optimizer is None else updates.discriminator_optimizer.state_dict(),
            self._monitor.best,
            self._monitor.stale,
            self._fabric.strategy.precision.state_dict(),
        )

    def _load(self, state: Checkpoint) -> None:
        task, updates = self._task, self._updates
        task.network.load_state_dict(state.model)
        self._average.network.load_state_dict(state.averaged)
        updates.optimizer.load_state_dict(state.optimizer)
        if task.discriminator is not None and updates.discriminator_optimizer is not None:
            task.discriminator.load_state_dict(state.discriminator)
            updates.discriminator_optimizer.load_state_dict(state.discriminator_optimizer)
        self._monitor.best, self._monitor.stale = state.best, state.stale
        self._fabric.strategy.precision.load_state_dict(state.scaler)
