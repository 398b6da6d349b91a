"""The real-time segmenter: EfficientNet-Lite0 down to a sixteenth, and a light decoder that gives class logits."""

import torch
from torch import nn
from torch.nn import functional as F

from dfs_core.labels import LabelSet
from dfs_core.models.efficientnet_lite0 import EIGHTH, QUARTER, SIXTEENTH, first_blocks, normalize
from dfs_core.models.layers import ConvUnit, upsample_like
from dfs_core.models.segmenter import Segmenter


class LiteSegmenter(Segmenter):
    """Class logits of frames at a quarter of their size; 16 is its stride.

    At a quarter of the size a convolution costs four times what it does at an eighth, so it may be narrower there.
    """

    def __init__(self, labels: LabelSet, *, pretrained: bool = True, width: int = 64, quarter_width: int = 64) -> None:
        """Make the network.

        Args:
            labels: what it tells apart.
            pretrained: start the encoder from ImageNet weights.
            width: number of channels of the decoder.
            quarter_width: of these at a quarter of the frames' size, at most `width`.
        """
        super().__init__(labels)
        self.stem, self.blocks = first_blocks(SIXTEENTH, pretrained=pretrained)
        self.context = ConvUnit(112, width)
        self.context_wide = ConvUnit(112, width, dilation=4)
        self.gate = nn.Linear(112, width)
        self.reduce = ConvUnit(2 * width, width, kernel=1)
        self.decode_eighth = ConvUnit(width + 40, width)
        narrow = min(width, quarter_width)
        self.narrow = nn.Identity() if narrow == width else ConvUnit(width, narrow, kernel=1)
        self.decode_quarter = ConvUnit(narrow + 24, narrow)
        self.logits = nn.Conv2d(narrow, len(labels), 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return class logits [N, classes, h / 4, w / 4].

        Args:
            frames: RGB in [0, 1], [N, 3, h, w]; h and w are multiples of 16.
        """
        features = self.stem(normalize(frames))
        scales = {}
        for number, block in enumerate(self.blocks, start=1):
            features = block(features)
            scales[number] = features
        context = torch.cat([self.context(features), self.context_wide(features)], dim=1)
        gate = torch.sigmoid(self.gate(features.mean(dim=(2, 3))))[:, :, None, None]
        features = self.reduce(context) * gate
        features = self.decode_eighth(torch.cat([upsample_like(features, scales[EIGHTH]), scales[EIGHTH]], dim=1))
        features = upsample_like(self.narrow(features), scales[QUARTER])
        features = self.decode_quarter(torch.cat([features, scales[QUARTER]], dim=1))
        return self.logits(F.dropout(features, 0.1, self.training))
