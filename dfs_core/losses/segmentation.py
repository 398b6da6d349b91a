"""L_seg: what the frozen segmenter makes of the dehazed image, against the truth."""

import torch
from torch.nn import functional as F

from dfs_core.labels import UNLABELLED
from dfs_core.losses.target import SegmentationTarget


def cross_entropy(logits: torch.Tensor, target: SegmentationTarget) -> torch.Tensor:
    """Return the mean cross-entropy over the pixels that are labelled; a batch without any gives 0.

    Args:
        logits: [N, classes, h, w]; brought to the labels' size bilinearly.
        target: the truth; its labels are used.
    """
    logits = F.interpolate(logits.float(), size=target.labels.shape[-2:], mode="bilinear", align_corners=False)
    total = F.cross_entropy(logits, target.labels, ignore_index=UNLABELLED, reduction="sum")
    return total / (target.labels != UNLABELLED).sum().clamp(min=1)
