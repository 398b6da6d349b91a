"""Squared differences: L_seg as the paper has it, on colours, and the same on probabilities."""

import torch

from dfs_core.losses.pixels import Pixels, at_labels, probabilities
from dfs_core.losses.target import SegmentationTarget


def l2_rgb(answer: torch.Tensor, target: SegmentationTarget) -> torch.Tensor:
    """Return the mean squared difference from the colours of the labels, over the labelled pixels and the channels.

    Classes whose colours are alike are told apart less than others, as in the paper. A batch without labels gives 0.

    Args:
        answer: a picture in the colours of the classes, RGB in [-1, 1], [N, 3, h, w]; brought to the labels' size
            bilinearly.
        target: the truth; its labels are turned into colours at their own size, so no colour is a blend of two classes.

    Raises:
        LabelError: the answer is no picture in colours, or a label is no class.

    Source: L_seg of arXiv 1903.01530, which has no ignored pixels.
    """
    pixels = at_labels(answer, target, channels=3)
    colors = target.colors.float()[pixels.labels[:, 0]].permute(0, 3, 1, 2)
    return _mean_square(pixels, pixels.answer - colors)


def l2_prob(logits: torch.Tensor, target: SegmentationTarget) -> torch.Tensor:
    """Return the mean squared difference of the probabilities from 1 for the true class and 0 for the others.

    The mean is over the labelled pixels and the classes, so it is in [0, 2 / classes]. A batch without labels gives 0.

    Args:
        logits: [N, classes, h, w]; brought to the labels' size bilinearly.
        target: the truth; its labels are used.

    Raises:
        LabelError: logits or labels have other classes than the target.
    """
    pixels = probabilities(logits, target)
    true = torch.ones((), dtype=pixels.answer.dtype, device=pixels.answer.device).expand(pixels.labels.shape)
    return _mean_square(pixels, pixels.answer.scatter_add(1, pixels.labels, -true))


def _mean_square(pixels: Pixels, difference: torch.Tensor) -> torch.Tensor:
    per_pixel = difference.square().mean(dim=1, keepdim=True)
    return per_pixel.where(pixels.labelled, 0.0).sum() / pixels.labelled.sum().clamp(min=1)
