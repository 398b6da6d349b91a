"""Rates by closed form, optimisers by name."""

import dataclasses

import pytest
import torch

from dfs_core.training.optimizers import learning_rate, make_discriminator_optimizer, make_optimizer


@pytest.mark.parametrize(
    ("schedule", "step", "share"),
    [
        ("cosine", 0, 0.25), ("cosine", 3, 1.0), ("cosine", 4, 1.0), ("cosine", 54, 0.5), ("cosine", 104, 0.0),
        ("constant", 1, 0.5), ("constant", 4, 1.0), ("constant", 103, 1.0),
    ],
)  # fmt: skip
def test_rate_rises_then_falls_or_stays(config, schedule, step, share):
    config = dataclasses.replace(config, schedule=schedule, warmup=4, learning_rate=0.2)
    assert learning_rate(step, config, 104) == pytest.approx(0.2 * share, abs=1e-12)


def test_rate_without_warmup_begins_at_the_highest(config):
    assert learning_rate(0, dataclasses.replace(config, warmup=0, learning_rate=0.2), 10) == pytest.approx(0.2)


def test_optimizers_are_what_they_are_called(config):
    config = dataclasses.replace(config, optimizer="adam", betas=(0.5, 0.999), weight_decay=0.1)
    weights = [torch.nn.Parameter(torch.zeros(1))]
    optimizer, rival = make_optimizer(config, weights), make_discriminator_optimizer(config, weights)
    assert type(optimizer) is torch.optim.Adam
    assert type(make_optimizer(dataclasses.replace(config, optimizer="adamw"), weights)) is torch.optim.AdamW
    assert (optimizer.defaults["betas"], optimizer.defaults["weight_decay"]) == ((0.5, 0.999), 0.1)
    assert (rival.defaults["betas"], rival.defaults["weight_decay"]) == ((0.5, 0.999), 0)
