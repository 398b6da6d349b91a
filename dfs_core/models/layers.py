"""Building blocks that fold into plain convolutions when a model is exported."""

from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

Padding = Literal["zeros", "replicate"]
"""What convolutions see beyond the edge: nothing, or the pixels at the edge."""


class ConvUnit(nn.Sequential):
    """Convolution, BatchNorm, ReLU: [N, C, H, W] to [N, C', H / stride, W / stride]."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        padding: Padding = "zeros",
    ) -> None:
        beyond = dilation * (kernel // 2)
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, beyond, dilation, bias=False, padding_mode=padding),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two convolutions beside the identity, [N, C, H, W] to the same."""

    def __init__(self, channels: int, *, dilation: int = 1, padding: Padding = "zeros") -> None:
        super().__init__()
        self.first = ConvUnit(channels, channels, dilation=dilation, padding=padding)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, dilation, dilation, bias=False, padding_mode=padding),
            nn.BatchNorm2d(channels),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features after the block."""
        return F.relu(features + self.second(self.first(features)))


def upsample_like(features: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Return the features, bilinearly resized to the height and width of `reference`."""
    return F.interpolate(features, size=reference.shape[-2:], mode="bilinear", align_corners=False)


class ImagenetNormalization(nn.Module):
    """RGB in [0, 1] as torchvision's networks were trained on it: ImageNet's mean subtracted, by its deviation."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("deviation", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return images [N, 3, h, w]."""
        return (images - self.mean) / self.deviation
