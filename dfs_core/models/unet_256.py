"""pix2pix's U-Net: halved eight times, so that 256 x 256 pixels become one, with skips between equal scales."""

from itertools import pairwise

import torch
from torch import nn

from dfs_core.models.estimate import Translation
from dfs_core.models.pix2pix import initialize, signed, unsigned
from dfs_core.models.translator import Translator

WIDTHS = (1, 2, 4, 8, 8, 8, 8, 8)
"""Channels after each halving, in units of `filters`."""

DROPOUTS = 3
"""How many of the innermost steps upwards drop half of their features in training."""


class Unet256(Translator):
    """Dehazed images; 256 is its stride.

    Where pix2pix keeps dropout and the statistics of the batch in use, this network obeys `eval()`: what is exported is
    what was evaluated.

    Source: Isola et al., arXiv 1611.07004, appendix 6.1.
    """

    stride = 2 ** len(WIDTHS)

    def __init__(self, filters: int = 64) -> None:
        super().__init__()
        channels = [filters * width for width in WIDTHS]
        steps = list(pairwise(channels))
        self.down = nn.ModuleList([_halving(3, filters)])
        self.up = nn.ModuleList()
        for number, (fine, coarse) in enumerate(steps, start=2):
            # The innermost map can be one pixel, whose deviation from the mean of a batch of one is always 0.
            norm = [nn.BatchNorm2d(coarse)] if number < len(channels) else []
            self.down.append(nn.Sequential(nn.LeakyReLU(0.2), _halving(fine, coarse, bias=False), *norm))
        for number, (fine, coarse) in enumerate(reversed(steps)):
            inputs = coarse if number == 0 else 2 * coarse
            dropout = [nn.Dropout(0.5)] if number < DROPOUTS else []
            self.up.append(
                nn.Sequential(
                    nn.ReLU(inplace=True), _doubling(inputs, fine, bias=False), nn.BatchNorm2d(fine), *dropout
                )
            )
        self.draw = nn.Sequential(nn.ReLU(inplace=True), _doubling(2 * filters, 3))
        initialize(self)

    def forward(self, hazy: torch.Tensor) -> Translation:
        """Return the dehazed images.

        Args:
            hazy: RGB in [0, 1], [N, 3, h, w]; h and w are multiples of 256.

        Raises:
            ConfigError: the images have another shape.
        """
        self.check(hazy)
        scales = [self.down[0](signed(hazy))]
        for halve in self.down[1:]:
            scales.append(halve(scales[-1]))
        features = scales.pop()
        for double in self.up:
            features = torch.cat([scales.pop(), double(features)], dim=1)
        drawn = self.draw(features).to(hazy.dtype)  # under autocast, 8 bits would be too few for an image
        return Translation(unsigned(torch.tanh(drawn)))


def _halving(inputs: int, outputs: int, *, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)


def _doubling(inputs: int, outputs: int, *, bias: bool = True) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)
