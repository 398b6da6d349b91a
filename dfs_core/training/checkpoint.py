"""Checkpoints: everything a run needs to go on, in one file that holds no code."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from dfs_core.errors import CheckpointError
from dfs_core.training.whole_file import whole_file


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after some steps.

    Attributes:
        config: the run's configuration, as plain values.
        step: optimisation steps done.
        model: the network's weights, as trained.
        averaged: their moving average, which is what is evaluated and exported.
        optimizer: the optimiser's state.
        labels: name of the label set of the data; None where it has none.
        discriminator: the discriminator's weights; empty without one.
        discriminator_optimizer: its optimiser's state; empty without one.
        best: the best figure so far of the one that is monitored; None before the first validation.
        stale: validations since then.
        scaler: the state of the loss scaling of "16-mixed"; empty in other precisions.
    """

    config: dict[str, Any]
    step: int
    model: dict[str, torch.Tensor]
    averaged: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    labels: str | None
    discriminator: dict[str, torch.Tensor] = field(default_factory=dict)
    discriminator_optimizer: dict[str, Any] = field(default_factory=dict)
    best: float | None = None
    stale: int = 0
    scaler: dict[str, Any] = field(default_factory=dict)


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the file of that name, if there is one, is replaced only when the new one is whole.

    Raises:
        TrainingError: the disk is full, or the folder cannot be written.
    """
    with whole_file(path) as file:
        try:
            torch.save(vars(checkpoint), file)
        except RuntimeError as error:  # torch's zip writer, which hides what the system said
            raise error.__context__ if isinstance(error.__context__, OSError) else OSError(str(error)) from error


def load(path: Path) -> Checkpoint:
    """Read a checkpoint without executing code.

    Raises:
        CheckpointError: there is no such file, or it is not a checkpoint.
    """
    try:
        return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such checkpoint; train one with `dfs train`") from error
    except Exception as error:  # torch raises whatever its zip and pickle readers stumble over
        raise CheckpointError(
            f"{path}: not a DFS checkpoint, or damaged ({type(error).__name__}: {_first_line(error)}); "
            "give a last.ckpt that `dfs train` wrote"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
