"""Cross-entropy, the usual loss of a segmenter that answers with logits."""

import torch
from torch.nn import functional as F

from dfs_core.labels import UNLABELLED
from dfs_core.losses.pixels import at_labels
from dfs_core.losses.target import SegmentationTarget


def cross_entropy(logits: torch.Tensor, target: SegmentationTarget) -> torch.Tensor:
    """Return the mean cross-entropy over the pixels that are labelled; a batch without any gives 0.

    Args:
        logits: [N, classes, h, w]; brought to the labels' size bilinearly.
        target: the truth; its labels are used.

    Raises:
        LabelError: logits or labels have other classes than the target.
    """
    pixels = at_labels(logits, target, channels=len(target.colors))
    total = F.cross_entropy(pixels.answer, target.labels, ignore_index=UNLABELLED, reduction="sum")
    return total / pixels.labelled.sum().clamp(min=1)
