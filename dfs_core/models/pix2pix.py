"""What pix2pix's networks share: they see images in [-1, 1], and start from small random weights."""

from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)

SPREAD = 0.02
"""Standard deviation of the first weights (Isola et al., arXiv 1611.07004)."""


def signed(images: torch.Tensor) -> torch.Tensor:
    """Return images in [0, 1] as images in [-1, 1]."""
    return 2.0 * images - 1.0


def unsigned(images: torch.Tensor) -> torch.Tensor:
    """Return images in [-1, 1] as images in [0, 1]."""
    return 0.5 * (images + 1.0)


def initialize(network: Network) -> Network:
    """Draw new weights, N(0, 0.02) for convolutions and N(1, 0.02) for BatchNorm, biases 0; return the network."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
            nn.init.normal_(module.weight, 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0, SPREAD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
