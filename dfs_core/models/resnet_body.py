"""The residual image-to-image network, images in [-1, 1] to images in [-1, 1]: the paper's generator and its SEG-NET.

Source: Johnson et al., arXiv 1603.08155, in the form that pix2pix and CycleGAN gave it.
"""

import torch
from torch import nn

from dfs_core.models.pix2pix import initialize

STRIDE = 4


class ResnetBody(nn.Module):
    """Down to a quarter, residual blocks there, and up again; heights and widths are multiples of 4, from 8 on."""

    def __init__(self, filters: int, blocks: int) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            _Mirror(3),
            *_unit(nn.Conv2d(3, filters, 7, bias=False)),
            *_unit(nn.Conv2d(filters, 2 * filters, 3, stride=2, padding=1, bias=False)),
            *_unit(nn.Conv2d(2 * filters, 4 * filters, 3, stride=2, padding=1, bias=False)),
        )
        self.blocks = nn.Sequential(*(_Block(4 * filters) for _ in range(blocks)))
        self.decode = nn.Sequential(
            *_unit(_doubling(4 * filters, 2 * filters)),
            *_unit(_doubling(2 * filters, filters)),
            _Mirror(3),
            nn.Conv2d(filters, 3, 7),
        )
        initialize(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return images [N, 3, h, w] in [-1, 1] for such images."""
        drawn = self.decode(self.blocks(self.encode(images)))
        return torch.tanh(drawn.to(images.dtype))  # under autocast, 8 bits would be too few for an image


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            _Mirror(1),
            *_unit(nn.Conv2d(channels, channels, 3, bias=False)),
            _Mirror(1),
            nn.Conv2d(channels, channels, 3, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features + self.change(features)


class _Mirror(nn.ReflectionPad2d):
    """Mirrors the edges in the type that the features have: autocast would widen them, which triples the time."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if features.dtype is torch.float32:
            return super().forward(features)
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features)


def _unit(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True)]


def _doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=False)
