"""Features of EfficientNet-Lite0 for L_percep: they need no file, and cost 1/40 of VGG16's."""

import torch

from dfs_core.models.efficientnet_lite0 import EIGHTH, HALF, QUARTER, first_blocks, normalize
from dfs_core.models.features import Features

SPREADS = {HALF: 6.0, QUARTER: 8.2, EIGHTH: 7.4}
"""Standard deviation of the features at each scale over CamVid's training frames at 256 x 256."""


class EfficientnetLite0Features(Features):
    """Maps at a half, a quarter and an eighth of the size, with a variance of about 1, so that scales count alike.

    They see 7, 19 and 67 pixels around: the first two lie on either side of VGG16's relu2_2 (14 pixels: edges and
    texture), the third sees whole signs and pedestrians. What lies deeper is about classes, which is L_seg's business.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.blocks = first_blocks(max(SPREADS), pretrained=True)
        self.freeze()

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return maps of 16, 24 and 40 channels; h and w are best multiples of 8."""
        features = self.stem(normalize(images))
        maps = []
        for number, block in enumerate(self.blocks, start=1):
            features = block(features)
            if number in SPREADS:
                maps.append(features / SPREADS[number])
        return maps
