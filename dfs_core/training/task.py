"""What a task gives the training loop."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import Dataset

from dfs_core import losses
from dfs_core.labels import LabelSet
from dfs_core.models.pipeline import network_size
from dfs_core.training.config import TrainingConfig

Batch = dict[str, Any]
Losses = dict[str, torch.Tensor]
Picture = NDArray[np.uint8]


class Pairs(NamedTuple):
    """What the discriminator compares, [N, 3, H, W] in [0, 1] each.

    Attributes:
        condition: what the network was given.
        real: what it should have made of it.
        generated: what it did make of it.
    """

    condition: torch.Tensor
    real: torch.Tensor
    generated: torch.Tensor


class Validation(NamedTuple):
    """How good a network is.

    Attributes:
        figures: by name, such as "miou"; the one called `monitor` chooses the best checkpoint.
        panel: captioned pictures in rows, RGB uint8 [H, W, 3] each; the loop draws them.
    """

    figures: dict[str, float]
    panel: list[dict[str, Picture]]


class Task(ABC):
    """A network to train, what to train it on, what to train it against, and how good it is.

    Attributes:
        network: what is trained, averaged, evaluated and exported.
        discriminator: what is trained against it; None without L_GAN.
        labels: the classes of the data, which the checkpoint keeps; None where it has none.
        examples: how many examples an epoch has.
        monitor: the figure of the validation that chooses the best checkpoint.
        monitor_mode: "max" or "min".
    """

    network: nn.Module
    discriminator: nn.Module | None = None
    labels: LabelSet | None
    examples: int
    monitor: str
    monitor_mode: str = "max"

    def __init__(self, config: TrainingConfig) -> None:
        self.config = config

    def to(self, device: torch.device) -> None:
        """Bring all networks that the task uses to a device, in the memory layout that convolutions like best."""
        for network in self.networks():
            network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def networks(self) -> list[nn.Module]:
        """Return all networks that the task uses, frozen ones too."""
        return [network for network in (self.network, self.discriminator) if network is not None]

    def size_of_look(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return height and width of what networks look at when validated on a picture of that size."""
        view = self.config.view
        return view.size if view.squash else network_size(*size, network_width=self.config.network_width)

    @abstractmethod
    def stream(self, length: int) -> Dataset[Batch]:
        """Return the training items 0 to `length` - 1 of the run, in the order in which they are used."""

    @abstractmethod
    def forward(self, network: nn.Module, batch: Batch) -> Any:
        """Return what the network makes of a batch; under autocast."""

    @abstractmethod
    def pairs(self, batch: Batch, output: Any) -> Pairs:
        """Return what the discriminator is to compare, given what `forward` returned."""

    @abstractmethod
    def losses(self, batch: Batch, output: Any) -> Losses:
        """Return the weighted terms of the loss, L_GAN among them; their sum is minimised."""

    @abstractmethod
    def validate(self, network: nn.Module) -> Validation:
        """Return how good a network in evaluation mode is."""

    def discriminator_loss(self, discriminator: nn.Module, pairs: Pairs) -> torch.Tensor:
        """Return what the discriminator minimises: real pairs up, generated pairs down, half of the sum.

        No gradient reaches the generator. Each kind has a pass of its own, as BatchNorm would tell one by the other.
        """
        gan = losses.ADVERSARIAL[self.config.loss.adversarial_form]
        condition, real, generated = (plane.detach() for plane in pairs)
        real_scores, generated_scores = (discriminator(condition, image).float() for image in (real, generated))
        return 0.5 * (gan(real_scores, real=True) + gan(generated_scores, real=False))

    def adversarial_loss(self, pairs: Pairs) -> torch.Tensor:
        """Return L_GAN: how far the discriminator is from taking what was generated for real."""
        assert self.discriminator is not None  # noqa: S101 - asked for only where there is one
        gan = losses.ADVERSARIAL[self.config.loss.adversarial_form]
        return gan(self.discriminator(pairs.condition, pairs.generated).float(), real=True)
