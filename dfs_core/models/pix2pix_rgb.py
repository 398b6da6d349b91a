"""The paper's SEG-NET: an image-to-image network that paints each pixel in the colour of its class."""

import torch

from dfs_core.errors import ConfigError
from dfs_core.labels import LabelSet
from dfs_core.models.pix2pix import signed
from dfs_core.models.resnet_body import ResnetBody
from dfs_core.models.segmenter import Segmenter


class Pix2PixRgb(Segmenter):
    """Label maps as pictures, of the size of the frames; a class is read back as the nearest colour.

    Raises:
        ConfigError: two classes of the label set have the same colour.

    Source: arXiv 1903.01530; the network is that of its generator.
    """

    in_colors = True
    colors: torch.Tensor

    def __init__(self, labels: LabelSet, *, filters: int = 64, blocks: int = 9) -> None:
        super().__init__(labels)
        seen: dict[tuple[int, int, int], str] = {}
        for label in labels.classes:
            if label.color in seen:
                raise ConfigError(
                    f"'pix2pix_rgb' tells classes by their colours, but '{seen[label.color]}' and '{label.name}' of "
                    f"the label set '{labels.name}' are both {label.color}; give them two, or choose another segmenter"
                )
            seen[label.color] = label.name
        self.body = ResnetBody(filters, blocks)
        colors = torch.from_numpy(labels.palette[: len(labels)].astype("float32"))
        self.register_buffer("colors", signed(colors / 255.0), persistent=False)  # the label set holds them already

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the label map as a picture, RGB in [-1, 1], [N, 3, h, w].

        Args:
            frames: RGB in [0, 1], [N, 3, h, w]; h and w are multiples of 4.
        """
        return self.body(signed(frames))

    def scores(self, answer: torch.Tensor) -> torch.Tensor:
        """Return the negative squared distance to the colour of each class, [N, classes, h, w]."""
        distances = [(answer.float() - color[:, None, None]).square().sum(dim=1) for color in self.colors]
        return -torch.stack(distances, dim=1)
