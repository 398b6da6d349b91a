"""Soft Jaccard: intersection over union, with probabilities in place of decisions."""

import torch

from dfs_core.losses.pixels import Pixels, probabilities
from dfs_core.losses.target import SegmentationTarget


def jaccard(logits: torch.Tensor, target: SegmentationTarget) -> torch.Tensor:
    """Return 1 - mean soft intersection over union, in [0, 1].

    Intersections and unions are summed over the batch before they are divided, as the benchmark sums them over the
    dataset. The mean is over the classes that occur in the batch's labels, as in `metrics.mean_iou`: the union of any
    other class holds nothing but mistakes, and those already count as misses of the true class. A batch without labels
    gives 0. With answers that are certain it is 1 - mean IoU.

    Args:
        logits: [N, classes, h, w]; brought to the labels' size bilinearly.
        target: the truth; its labels are used.

    Raises:
        LabelError: logits or labels have other classes than the target.

    Source: M. A. Rahman, Y. Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation",
    ISVC 2016.
    """
    pixels = probabilities(logits, target)
    return one_minus_iou(pixels, torch.ones_like(pixels.answer[:, :1]))


def one_minus_iou(pixels: Pixels, weights: torch.Tensor) -> torch.Tensor:
    """Return the mean over classes c of 1 - Σ w p / (Σ w p + Σ_{pixels of others} p + Σ w (1 - p)), p that of class c.

    The first and the last sum run over the labelled pixels of c. Classes whose pixels weigh nothing are left out.

    Args:
        pixels: probabilities of the classes, and the truth.
        weights: w of each pixel, [N, 1, H, W], for its true class.
    """
    answer, labels, labelled = pixels
    classes = answer.shape[1]

    def by_class(values: torch.Tensor) -> torch.Tensor:
        # One after the other, millions of addends are more than 32 bits can sum.
        counted = values.where(labelled, 0.0).double().flatten()
        return counted.new_zeros(classes).index_add(0, labels.flatten(), counted)

    own = answer.gather(1, labels)
    weight = by_class(weights)
    hits = by_class(weights * own)
    union = weight + (answer * labelled).sum(dim=(0, 2, 3)) - by_class(own)
    present = weight > 0.0
    misses = 1.0 - hits[present] / union[present]
    return misses.sum().to(answer.dtype) / present.sum().clamp(min=1)
