"""What a frame shows, at a glance: features that know things, and so how far off they are, at little cost."""

import torch
from torch import nn

from dfs_core.models.efficientnet_lite0 import EIGHTH, first_blocks, normalize

CHANNELS = 80

_BLOCKS = 8
_SPREAD = 5.3
"""Standard deviation of what ImageNet's weights make of noise."""


class SceneFeatures(nn.Module):
    """EfficientNet-Lite0, down to an eighth; starts from ImageNet weights.

    Fog alone does not tell thin fog near by from thick fog far away, nor a pale wall from one in fog; what a thing is
    does. Its fourth stage would halve once more and leave half a row where h is no multiple of 16, so that it is
    dilated instead.
    """

    def __init__(self, *, pretrained: bool) -> None:
        super().__init__()
        self.stem, self.blocks = first_blocks(_BLOCKS, pretrained=pretrained)
        for number, block in enumerate(self.blocks):
            if number >= EIGHTH:
                _keep_size(block, dilation=1 if number == EIGHTH else 2)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return features [N, 80, h / 8, w / 8] of RGB in [0, 1], [N, 3, h, w]; h and w are multiples of 8."""
        features = self.stem(normalize(frames))
        for block in self.blocks:
            features = block(features)
        return features / _SPREAD


def _keep_size(block: nn.Module, *, dilation: int) -> None:
    """Take a block's stride away, and spread its kernel out as the strides before it would have."""
    depthwise: nn.Conv2d = block._depthwise_conv  # type: ignore[assignment]
    depthwise.stride, depthwise.dilation = (1, 1), (dilation, dilation)
    depthwise.static_padding = nn.ZeroPad2d(dilation * (depthwise.kernel_size[0] // 2))
