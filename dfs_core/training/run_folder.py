"""The folder of a run: what is in it, under which name, and how it is begun and continued."""

import dataclasses
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import yaml

from dfs_core.errors import CheckpointError, ConfigError
from dfs_core.panels import grid
from dfs_core.training import checkpoint, metrics_log
from dfs_core.training.checkpoint import Checkpoint
from dfs_core.training.config import TrainingConfig
from dfs_core.training.config_file import from_plain, to_plain
from dfs_core.training.curves import draw_curves
from dfs_core.training.environment import Environment
from dfs_core.training.metrics_log import Row
from dfs_core.training.task import Picture
from dfs_core.training.whole_file import disk_errors, write_whole

LAST, BEST = "last.ckpt", "best.ckpt"
CONFIG, ENVIRONMENT = "config.yaml", "environment.json"
CURVES, SAMPLES = "losses.png", "samples"
NONFINITE = "nonfinite.json"

WITHOUT_EFFECT = frozenset({"workers", "save_every", "panel_rows"})
"""Keys that may change when a run goes on, as its weights do not depend on them."""


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Everything that a run leaves behind. Each file is replaced only when the new one is whole.

    Attributes:
        path: of the folder.
    """

    path: Path

    def last(self, config: TrainingConfig) -> Checkpoint | None:
        """Return the checkpoint that the run goes on from, or None for one that has not begun.

        Raises:
            ConfigError: the folder holds a run of another configuration.
            CheckpointError: the checkpoint is damaged.
        """
        if not (self.path / LAST).exists():
            return None
        state = checkpoint.load(self.path / LAST)
        plain = to_plain(config)
        before = to_plain(from_plain(state.config, source=str(self.path / LAST)))  # a key that is newer has its default
        changed = [key for key in plain if key not in WITHOUT_EFFECT and before[key] != plain[key]]
        if changed:
            raise ConfigError(
                f"{self.path}: was trained with another {', '.join(changed)}; use another --out, the run's own "
                f"{CONFIG}, or --no-resume to begin again in its place"
            )
        return state

    def clear(self) -> None:
        """Remove what a run has left here, and nothing else."""
        for name in (
            LAST, BEST, CONFIG, ENVIRONMENT, CURVES, NONFINITE, metrics_log.LINES, metrics_log.TABLE
        ):  # fmt: skip
            (self.path / name).unlink(missing_ok=True)
        for name in (SAMPLES, metrics_log.EVENTS):
            if (self.path / name).exists():
                shutil.rmtree(self.path / name)

    def begin(self, config: TrainingConfig, environment: Environment, step: int) -> None:
        """Write down what is about to be run, and with what, after the starts before this one.

        Raises:
            TrainingError: the folder cannot be written.
        """
        with disk_errors(self.path):
            (self.path / SAMPLES).mkdir(parents=True, exist_ok=True)
        (self.path / NONFINITE).unlink(missing_ok=True)
        write_whole(self.path / CONFIG, yaml.safe_dump(to_plain(config), sort_keys=False).encode())
        path = self.path / ENVIRONMENT
        starts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        write_whole(path, json.dumps([*starts, {"step": step, **environment}], indent=2).encode())

    def save(self, state: Checkpoint, *, is_best: bool = False) -> None:
        """Replace the last checkpoint, or the best one."""
        checkpoint.save(self.path / (BEST if is_best else LAST), state)

    def show(self, step: int, rows: Sequence[Row], panel: Sequence[Mapping[str, Picture]]) -> None:
        """Draw the curves so far, and the samples of a validation."""
        write_whole(self.path / CURVES, draw_curves(rows))
        if panel:
            _, png = cv2.imencode(".png", cv2.cvtColor(grid(panel), cv2.COLOR_RGB2BGR))
            write_whole(self.path / SAMPLES / f"step_{step:06d}.png", png.tobytes())

    def save_nonfinite(self, step: int, names: Sequence[str], values: Mapping[str, float]) -> Path:
        """Write down on which items a run broke, and return where."""
        words = {name: value if math.isfinite(value) else str(value) for name, value in values.items()}
        path = self.path / NONFINITE
        write_whole(path, json.dumps({"step": step, "names": list(names), "values": words}, indent=2).encode())
        return path

    def misfit(self, error: Exception) -> CheckpointError:
        """Return what to say when the last checkpoint's weights do not fit the networks."""
        first = str(error).strip().partition("\n")[0]
        return CheckpointError(
            f"{self.path / LAST}: its weights do not fit the networks of this version of DFS ({first}); train again "
            "with --no-resume or into another --out"
        )
