"""pix2pix's discriminator: whether each patch of 70 x 70 pixels looks real beside what it was made of."""

import torch
from torch import nn

from dfs_core.models.pix2pix import initialize, signed

LAYERS = 3
"""Halvings; three of them make the patch 70 pixels wide."""


class PatchGan70(nn.Module):
    """Scores of overlapping patches, 8 pixels apart, without a sigmoid.

    Source: Isola et al., arXiv 1611.07004, appendix 6.1.2.
    """

    def __init__(self, filters: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(6, filters, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        for number in range(1, LAYERS + 1):
            inputs, outputs = filters * 2 ** (number - 1), filters * 2**number
            layers += [
                nn.Conv2d(inputs, outputs, 4, stride=2 if number < LAYERS else 1, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        self.score = initialize(nn.Sequential(*layers, nn.Conv2d(filters * 2**LAYERS, 1, 4, padding=1)))

    def forward(self, condition: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Return scores [N, 1, h / 8 - 2, w / 8 - 2], high where the image looks real.

        Args:
            condition: what the generator was given, RGB in [0, 1], [N, 3, h, w]; h and w are multiples of 8, from 24.
            image: what is to be judged, alike.
        """
        return self.score(signed(torch.cat([condition, image], dim=1)))
