"""Soft iIoU: intersection over union in which a thing far away counts as much as one close by."""

import torch

from dfs_core.errors import DatasetError
from dfs_core.losses.jaccard import one_minus_iou
from dfs_core.losses.pixels import probabilities
from dfs_core.losses.target import SegmentationTarget


def iiou(logits: torch.Tensor, target: SegmentationTarget) -> torch.Tensor:
    """Return 1 - mean soft iIoU, in [0, 1].

    As `jaccard`, but hits and misses are weighted: each pixel of a thing by the average size of its class over the
    thing's own size. What is wrongly taken for a thing is not, as no true thing stands there.

    The mean is over all classes that occur in the batch's labels. Those without things weigh 1 and so count by their
    soft IoU, lest training forget them; the benchmark's iIoU-class is the mean over things only. Pixels of weight 0 are
    neither hits nor misses of their class. A batch without labels gives 0.

    Args:
        logits: [N, classes, h, w]; brought to the labels' size bilinearly.
        target: the truth; its labels and instance weights are used.

    Raises:
        DatasetError: the target has no instance weights.
        LabelError: logits or labels have other classes than the target.

    Source: iIoU of M. Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR 2016, with
    probabilities in place of decisions.
    """
    if target.instance_weights is None:
        raise DatasetError(
            "the term 'iiou' of L_seg needs to know which pixels belong to the same thing, and this data does not say; "
            "train on data with instances (cityscapes, foggy_cityscapes, scenes), or leave 'iiou' out of "
            "loss.segmentation_forms"
        )
    return one_minus_iou(probabilities(logits, target), target.instance_weights.float()[:, None])
