"""VGG16 up to relu2_2 for L_percep, as in the paper; its weights come from a local file."""

from pathlib import Path

import torch
from torch import nn

from dfs_core.errors import ConfigError
from dfs_core.models import weights_file
from dfs_core.models.features import Features
from dfs_core.models.layers import ImagenetNormalization

EXPECTED = "the state dict of torchvision's vgg16, such as https://download.pytorch.org/models/vgg16-397923af.pth"


class Vgg16Features(Features):
    """The map of relu2_2, 128 channels at a half of the size.

    Args:
        file: a state dict of torchvision's vgg16, whole or only the first four convolutions.

    Raises:
        ConfigError: no file is given.
        CheckpointError: the file cannot be read, or lacks these convolutions.

    Source: Simonyan and Zisserman, arXiv 1409.1556, configuration D; the layer is that of Johnson et al.,
    arXiv 1603.08155.
    """

    def __init__(self, file: Path | None = None) -> None:
        super().__init__()
        if file is None:
            raise ConfigError(f"the perceptual features 'vgg16' need a file of weights: {EXPECTED}")
        self.normalize = ImagenetNormalization()
        self.features = nn.Sequential(  # numbered as in torchvision, whose names the file has
            *_layer(3, 64), *_layer(64, 64), nn.MaxPool2d(2), *_layer(64, 128), *_layer(128, 128)
        )
        state = weights_file.read(file, EXPECTED)
        weights_file.fill(self, state, file, EXPECTED, beside=("features.", "classifier."))
        self.freeze()

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return one map, [N, 128, h / 2, w / 2]."""
        return [self.features(self.normalize(images))]


def _layer(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)
