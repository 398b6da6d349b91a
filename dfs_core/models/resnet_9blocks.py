"""The paper's generator: 9 residual blocks at a quarter of the size (arXiv 1903.01530)."""

import torch

from dfs_core.models.estimate import Translation
from dfs_core.models.pix2pix import signed, unsigned
from dfs_core.models.resnet_body import STRIDE, ResnetBody
from dfs_core.models.translator import Translator


class Resnet9Blocks(Translator):
    """Dehazed images; 4 is its stride."""

    stride = STRIDE

    def __init__(self, filters: int = 64, blocks: int = 9) -> None:
        super().__init__()
        self.body = ResnetBody(filters, blocks)

    def forward(self, hazy: torch.Tensor) -> Translation:
        """Return the dehazed images.

        Args:
            hazy: RGB in [0, 1], [N, 3, h, w]; h and w are multiples of 4.

        Raises:
            ConfigError: the images have another shape.
        """
        self.check(hazy)
        return Translation(unsigned(self.body(signed(hazy))))
