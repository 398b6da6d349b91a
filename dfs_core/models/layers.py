"""Building blocks that fold into plain convolutions when a model is exported."""

import torch
from torch import nn
from torch.nn import functional as F


class ConvUnit(nn.Sequential):
    """Convolution, BatchNorm, ReLU: [N, C, H, W] to [N, C', H / stride, W / stride]."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, dilation: int = 1) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two convolutions beside the identity, [N, C, H, W] to the same."""

    def __init__(self, channels: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.first = ConvUnit(channels, channels, dilation=dilation)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features after the block."""
        return F.relu(features + self.second(self.first(features)))


def upsample_like(features: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Return the features, bilinearly resized to the height and width of `reference`."""
    return F.interpolate(features, size=reference.shape[-2:], mode="bilinear", align_corners=False)
