"""The whole model in torch: frames in, dehazed frames, masks and fog density out. The exported file is held to it."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from dfs_core.artifact import NETWORK_WIDTH, Artifact
from dfs_core.labels import CAMVID_11
from dfs_core.models.segmenter import Segmenter


class Outputs(NamedTuple):
    """What the pipeline says of N frames; see `dfs_core.artifact` for shapes and types."""

    dehazed: torch.Tensor
    mask: torch.Tensor
    fog_density: torch.Tensor


class NetworkOutputs(NamedTuple):
    """What lies between the cut points; see `dfs_core.artifact`."""

    restoration: torch.Tensor
    mask: torch.Tensor
    fog_density: torch.Tensor
    scores: torch.Tensor


def network_size(height: int, width: int, *, network_width: int = NETWORK_WIDTH) -> tuple[int, int]:
    """Return the low resolution's height and width for a camera of that size."""
    return Artifact("geometry", CAMVID_11, network_width=network_width).network_size(height, width)


def resize(planes: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return [N, C, H, W] planes, bilinearly resized (pixel centres at half, no antialiasing)."""
    return F.interpolate(planes, size=(height, width), mode="bilinear", align_corners=False)


def shrink(frames: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return the low-resolution frames in [0, 1] of float frames [N, 3, H, W] in [0, 255].

    Bilinear to twice the low resolution, then the mean of 2 x 2: four taps a side against aliasing.
    """
    return F.avg_pool2d(resize(frames, 2 * height, 2 * width), 2) / 255.0


def restore(planes: torch.Tensor, restoration: torch.Tensor) -> torch.Tensor:
    """Return the frames without fog, uint8 [N, H, W, 3].

    Args:
        planes: the frames, float [N, 3, H, W] in [0, 255].
        restoration: gain, then offset of R, G, B in units of [0, 1], [N, 4 or more, h, w]; brought to the frames' size.
    """
    restoration = resize(restoration[:, :4], *planes.shape[-2:])
    dehazed = restoration[:, :1] * planes + 255.0 * restoration[:, 1:]
    return dehazed.clamp(0.0, 255.0).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def as_bytes(classes: torch.Tensor) -> torch.Tensor:
    """Return class ids as uint8, by way of floats: TensorRT is sure to make bytes of nothing else."""
    return classes.float().to(torch.uint8)


class Network(nn.Module):
    """What lies between the cut points: generator, restoration at low resolution, segmenter."""

    def __init__(self, generator: nn.Module, segmenter: Segmenter) -> None:
        super().__init__()
        self.generator = generator
        self.segmenter = segmenter

    def forward(self, low_resolution: torch.Tensor) -> NetworkOutputs:
        """Return restoration coefficients, class ids, fog density and class scores of frames [N, 3, h, w] in [0, 1]."""
        fog = self.generator(low_resolution)
        restoration = fog.restoration()
        dehazed = (restoration[:, :1] * low_resolution + restoration[:, 1:4]).clamp(0.0, 1.0)
        scores = self.segmenter.scores(self.segmenter(dehazed))
        mask = as_bytes(resize(scores, *low_resolution.shape[-2:]).argmax(dim=1))
        return NetworkOutputs(restoration, mask, fog.attenuation, scores)


class Pipeline(nn.Module):
    """The whole model on uint8 frames [N, H, W, 3]; its networks look at frames `network_width` pixels wide."""

    def __init__(self, network: Network, network_width: int = NETWORK_WIDTH) -> None:
        super().__init__()
        self.network, self.network_width = network, network_width

    def forward(self, frames: torch.Tensor) -> Outputs:
        """Return dehazed frames, masks and fog density."""
        height, width = frames.shape[1:3]
        planes = frames.permute(0, 3, 1, 2).float()
        told = self.network(shrink(planes, *network_size(height, width, network_width=self.network_width)))
        return Outputs(restore(planes, told.restoration), told.mask, told.fog_density)
