"""The terms of the generator's loss, one function each, named as in equation 1 of arXiv 1903.01530."""

import torch
from torch.nn import functional as F

from dfs_core.labels import UNLABELLED


def pixel(dehazed: torch.Tensor, clear: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    """L_pixel: mean absolute difference of two images, [N, 3, H, W] in [0, 1].

    Args:
        dehazed: what the generator made.
        clear: what it should be.
        weight: how much each pixel counts, [N, 1, H, W]; all alike if not given.
    """
    difference = (dehazed - clear).abs()
    if weight is None:
        return difference.mean()
    return (difference * weight).sum() / (weight.sum() * difference.shape[1]).clamp(min=1e-6)


def segmentation(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """L_seg as cross-entropy: what the frozen segmenter makes of the dehazed image against the labels.

    Args:
        logits: [N, classes, h, w]; brought to the labels' size bilinearly.
        labels: int64 [N, H, W]; 255 is ignored. A batch without any label gives 0.
    """
    logits = F.interpolate(logits.float(), size=labels.shape[-2:], mode="bilinear", align_corners=False)
    total = F.cross_entropy(logits, labels, ignore_index=UNLABELLED, reduction="sum")
    return total / (labels != UNLABELLED).sum().clamp(min=1)


def transmission(predicted: torch.Tensor, true: torch.Tensor, *, floor: float) -> torch.Tensor:
    """Mean absolute difference of two transmissions [N, 1, H, W]; the true one is never asked for below `floor`."""
    return (predicted - true.clamp(min=floor)).abs().mean()


def airlight(predicted: torch.Tensor, true: torch.Tensor, fog_share: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of two airlights [N, 3]; frames count by their share of fog [N], 1 - mean t."""
    difference = (predicted - true).abs().mean(dim=1)
    return (difference * fog_share).sum() / fog_share.sum().clamp(min=1e-6)


def attenuation(predicted: torch.Tensor, true: torch.Tensor, *, clearest: float) -> torch.Tensor:
    """Mean absolute difference of the logarithms of two attenuations [N] in 1/m; below `clearest` all is clear."""
    return (predicted.log() - true.clamp(min=clearest).log()).abs().mean()
