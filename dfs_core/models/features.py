"""What all networks for L_percep have in common: they never change."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn


class Features(nn.Module, ABC):
    """A network whose inner maps tell how images look; gradients pass through it to the images.

    It stays in evaluation mode, whatever the network that it is part of is set to.
    """

    def train(self, mode: bool = True) -> Any:  # noqa: ARG002 (torch's signature)
        """Stay in evaluation mode."""
        return super().train(False)

    def freeze(self) -> None:
        """Bar the weights from learning; to be called when they are complete."""
        self.eval().requires_grad_(False)

    @abstractmethod
    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return maps [N, C, h', w'], fine ones first, of RGB images [N, 3, h, w] in [0, 1]."""
