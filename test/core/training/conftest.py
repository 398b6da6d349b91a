"""A task as small as can be, and a recipe for the real ones."""

import io
from pathlib import Path

import pytest
import torch
import yaml
from rich.console import Console
from torch import nn
from torch.utils.data import Dataset

from dfs_core.data.catalog import DataSpec
from dfs_core.training import checkpoint, run_folder
from dfs_core.training.config import LossConfig, TrainingConfig
from dfs_core.training.loop import train
from dfs_core.training.machine import make_fabric
from dfs_core.training.progress import Progress
from dfs_core.training.task import Pairs, Task, Validation

CURVES = b"not drawn"
"""What stands for the picture of the curves in the runs of these tests."""


class Squares(Dataset):
    """Item i is a dark and a bright picture of its own, of 8 x 8 pixels."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        chance = torch.Generator().manual_seed(index)
        dark = torch.randint(0, 128, (3, 8, 8), generator=chance, dtype=torch.uint8)
        return {"dark": dark, "bright": 255 - dark, "name": f"square_{index}"}


class Judge(nn.Module):
    """Scores pixels."""

    def __init__(self, *, norm):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(6, 4, 3, padding=1, bias=not norm), nn.BatchNorm2d(4) if norm else nn.Identity(),
            nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3),
        )  # fmt: skip

    def forward(self, condition, image):
        """Return scores."""
        return self.layers(torch.cat([condition, image], dim=1))


class BrightenTask(Task):
    """Make dark pictures bright."""

    labels = None
    examples = 6
    monitor = "error"
    monitor_mode = "min"

    def __init__(self, config, *, norm=False, dropout=0.0):
        super().__init__(config)
        torch.manual_seed(config.seed)
        self.network = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1, bias=not norm), nn.BatchNorm2d(4) if norm else nn.Identity(), nn.ReLU(),
            nn.Dropout2d(dropout), nn.Conv2d(4, 3, 3, padding=1), nn.Sigmoid(),
        )  # fmt: skip
        if config.loss.adversarial > 0.0:
            self.discriminator = Judge(norm=norm)

    def stream(self, length):
        """Return the pictures."""
        return Squares(length)

    def forward(self, network, batch):
        """Return bright pictures."""
        return network(batch["dark"].float() / 255.0)

    def pairs(self, batch, output):
        """Return what the judge compares."""
        return Pairs(batch["dark"].float() / 255.0, batch["bright"].float() / 255.0, output)

    def losses(self, batch, output):
        """Return the terms."""
        pairs = self.pairs(batch, output)
        terms = {"pixel": 10.0 * (pairs.generated - pairs.real).abs().mean()}
        if self.discriminator is not None:
            terms["adversarial"] = self.adversarial_loss(pairs)
        return terms

    def validate(self, network):
        """Return the error on the first picture."""
        batch = {name: value[None] for name, value in Squares(1)[0].items() if name != "name"}
        with torch.inference_mode():
            pairs = self.pairs(batch, self.forward(network, batch))
        picture = (pairs.generated[0].permute(1, 2, 0).numpy() * 255).astype("uint8")
        error = float((pairs.generated - pairs.real).abs().mean())
        return Validation({"error": error, "nothing": float("nan")}, [{"bright": picture, "again": picture}])


@pytest.fixture
def brighten():
    """The kind of task."""
    return BrightenTask


@pytest.fixture
def config():
    """A run of six steps, with a discriminator."""
    return TrainingConfig(
        task="dehazer", model="brighten", data=DataSpec("camvid", Path("none")), steps=6, batch=4, warmup=2, workers=0,
        precision="32-true", ema=0.9, learning_rate=0.01, discriminator_learning_rate=0.004, save_every=2,
        validate_every=3, loss=LossConfig(adversarial=1.0, segmentation=0.0),
    )  # fmt: skip


@pytest.fixture
def run(monkeypatch):
    """Train in this process; return the last checkpoint and what was printed.

    The curves are left out: drawing them takes four times as long as these runs, and has a test of its own.
    """
    monkeypatch.setattr(run_folder, "draw_curves", lambda _: CURVES)

    def run(task, folder, *, resume=True):
        printed = io.StringIO()
        console = Console(file=printed, width=400)
        config = task.config
        progress = Progress(config.total_steps(task.examples), config.batch, console=console)
        fabric = make_fabric(config, accelerator="cpu", devices=1)
        train(task, config, folder, resume=resume, fabric=fabric, progress=progress)
        return checkpoint.load(folder / "last.ckpt"), printed.getvalue()

    return run


@pytest.fixture(scope="session")
def recipe(camvid, tmp_path_factory):
    """A recipe for the real command: the fast generator against a discriminator, on a miniature of CamVid."""
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    values = {
        "task": "dehazer", "model": "fast", "data": {"name": "camvid", "root": str(camvid)}, "batch": 4, "warmup": 2,
        "precision": "32-true", "workers": 0, "view": {"size": [32, 48]}, "validation_attenuation": [0.03],
        "validation_samples": 1, "discriminator_options": {"filters": 4},
        "loss": {"adversarial": 1.0, "segmentation": 0.0},
    }  # fmt: skip
    path.write_text(yaml.safe_dump(values))
    return path
