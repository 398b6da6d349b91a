"""What a task gives the training loop."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset

Losses = dict[str, torch.Tensor]


class Task(ABC):
    """A network to train, what to train it on, and how good it is."""

    network: nn.Module

    def to(self, device: torch.device) -> None:
        """Bring all networks that the task uses to a device, in the memory layout that convolutions like best."""
        self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @abstractmethod
    def stream(self) -> Dataset[dict[str, Any]]:
        """Return the training items, in the order in which they are used."""

    @abstractmethod
    def losses(self, batch: dict[str, Any]) -> Losses:
        """Return the weighted terms of the loss; their sum is minimised."""

    @abstractmethod
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return figures of merit of a network, in evaluation mode, by name."""
