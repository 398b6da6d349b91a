"""A plain encoder and decoder from scratch: what L_seg looks through, unlike the segmenter that ships and judges."""

import torch
from torch import nn

from dfs_core.labels import LabelSet
from dfs_core.models.layers import ConvUnit, Residual, upsample_like
from dfs_core.models.segmenter import Segmenter


class UnetSegmenter(Segmenter):
    """Class logits of frames at half of their size; 16 is its stride."""

    def __init__(self, labels: LabelSet, *, width: int = 20) -> None:
        super().__init__(labels)
        scales = [width, 2 * width, 4 * width, 6 * width]
        self.stem = ConvUnit(3, scales[0], stride=2)
        self.encoders = nn.ModuleList(
            nn.Sequential(ConvUnit(fine, coarse, stride=2), Residual(coarse), Residual(coarse, dilation=dilation))
            for fine, coarse, dilation in zip(scales, scales[1:], (1, 2, 4), strict=False)
        )
        self.decoders = nn.ModuleList(
            ConvUnit(coarse + fine, fine) for fine, coarse in zip(scales[-2::-1], scales[:0:-1], strict=True)
        )
        self.logits = nn.Conv2d(scales[0], len(labels), 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return class logits [N, classes, h / 2, w / 2].

        Args:
            frames: RGB in [0, 1], [N, 3, h, w]; h and w are multiples of 16.
        """
        scales = [self.stem(frames - 0.5)]
        for encoder in self.encoders:
            scales.append(encoder(scales[-1]))
        features = scales.pop()
        for decoder in self.decoders:
            finer = scales.pop()
            features = decoder(torch.cat([upsample_like(features, finer), finer], dim=1))
        return self.logits(features)
