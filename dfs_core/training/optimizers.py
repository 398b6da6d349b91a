"""Optimisers by name, and the rate of each step."""

import math
from collections.abc import Iterable

import torch
from torch.optim import Adam, AdamW, Optimizer

from dfs_core.training.config import TrainingConfig

OPTIMIZERS: dict[str, type[Adam] | type[AdamW]] = {"adam": Adam, "adamw": AdamW}


def make_optimizer(config: TrainingConfig, parameters: Iterable[torch.nn.Parameter]) -> Optimizer:
    """Return the network's optimiser."""
    return OPTIMIZERS[config.optimizer](
        parameters,
        lr=config.learning_rate,
        betas=config.betas,
        weight_decay=config.weight_decay,
        fused=_can_be_fused(config),
    )


def make_discriminator_optimizer(config: TrainingConfig, parameters: Iterable[torch.nn.Parameter]) -> Optimizer:
    """Return the discriminator's optimiser: Adam without weight decay, as in pix2pix, whatever the network's is."""
    return Adam(parameters, lr=config.discriminator_learning_rate, betas=config.betas, fused=_can_be_fused(config))


def learning_rate(step: int, config: TrainingConfig, steps: int) -> float:
    """Return the rate of a step, counted from 0: up along a line, then on, or down along a cosine.

    Args:
        step: 0 to `steps` - 1.
        config: highest rate, warm-up and schedule.
        steps: of the whole run.
    """
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    if config.schedule == "constant":
        return config.learning_rate
    done = (step - config.warmup) / max(1, steps - config.warmup)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Let the next step of an optimiser have this rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def _can_be_fused(config: TrainingConfig) -> bool:
    return config.precision != "16-mixed"  # fused ones unscale gradients themselves, too late for clipping
