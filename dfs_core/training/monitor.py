"""Which validation was the best so far, and whether it is worth going on."""

import math
from collections.abc import Mapping

from dfs_core.errors import ConfigError
from dfs_core.training.config import TrainingConfig
from dfs_core.training.task import Task


class Monitor:
    """Compares the validations of a run by one figure.

    Attributes:
        name: of the figure.
        best: its best value so far; None before the first.
        stale: validations since then.
    """

    def __init__(self, task: Task, config: TrainingConfig) -> None:
        self.best: float | None = None
        self.stale = 0
        self.name = config.monitor or task.monitor
        self._lower_is_better = (config.monitor_mode if config.monitor else task.monitor_mode) == "min"
        self._patience = config.patience

    @property
    def exhausted(self) -> bool:
        """Whether as many validations as `patience` allows have brought nothing better."""
        return self._patience is not None and self.stale >= self._patience

    def value(self, figures: Mapping[str, float]) -> float:
        """Return the figure that is compared.

        Raises:
            ConfigError: the validation does not give it.
        """
        if self.name not in figures:
            raise ConfigError(f"monitor: there is no figure '{self.name}'; this run has {', '.join(figures)}")
        return figures[self.name]

    def take(self, figures: Mapping[str, float]) -> bool:
        """Take note of a validation; return whether it is the best so far. A figure that is not a number never is."""
        value = self.value(figures)
        better = not math.isnan(value) and (
            self.best is None or (value < self.best if self._lower_is_better else value > self.best)
        )
        if better:
            self.best, self.stale = value, 0
        else:
            self.stale += 1
        return better
