"""Lovász-softmax: the convex extension of intersection over union."""

import torch

from dfs_core.losses.pixels import probabilities
from dfs_core.losses.target import SegmentationTarget

LEVELS = 2**16
"""How many errors between 0 and 1 are told apart when they are ranked."""


def lovasz(logits: torch.Tensor, target: SegmentationTarget) -> torch.Tensor:
    """Return the Lovász extension of 1 - IoU at the errors of each class, averaged over the classes, in [0, 1].

    The batch is one set of pixels; the mean is over the classes that occur in its labels, as for `jaccard`. A batch
    without labels gives 0. With answers that are certain it is 1 - mean IoU.

    Errors are ranked by counting them on a scale of `LEVELS` steps, as sorting a million pixels for each class takes
    several times as long. Errors on the same step are taken for ties: the loss is low by at most one step, 1.5e-5, and
    exact where no two errors share a step.

    Args:
        logits: [N, classes, h, w]; brought to the labels' size bilinearly.
        target: the truth; its labels are used.

    Raises:
        LabelError: logits or labels have other classes than the target.

    Source: M. Berman, A. Rannen Triki, M. B. Blaschko, "The Lovász-Softmax Loss: A Tractable Surrogate for the
    Optimization of the Intersection-Over-Union Measure in Neural Networks", CVPR 2018, equations 8, 9 and 11.
    """
    answer, labels, labelled = probabilities(logits, target)
    counts = torch.bincount(labels[labelled], minlength=answer.shape[1]).tolist()
    total = answer.new_zeros(()) + answer[:, :, :0].sum()  # keeps a gradient, of zero, where nothing is labelled
    for index, predicted in enumerate(answer.unbind(dim=1)):
        if counts[index]:
            true = labels[:, 0] == index
            errors = (true.to(predicted.dtype) - predicted).abs()
            total = total + (errors * _weights(errors.detach(), true, labelled[:, 0])).sum()
    return total / max(sum(count > 0 for count in counts), 1)


def _weights(errors: torch.Tensor, true: torch.Tensor, labelled: torch.Tensor) -> torch.Tensor:
    """Return by how much 1 - IoU of a class grows as each pixel joins the wrong ones, the largest error first.

    With T pixels of the class, and above a pixel's step t of them and f others wrong, 1 - IoU is (t + f) / (T + f). So
    one more of the class adds 1 / (T + f), and one other (T - t) / ((T + f) (T + f + 1)). Pixels on one step share
    evenly what they add together: the mean of those of the class first and of the others first.

    Args:
        errors: in [0, 1], of any shape.
        true: which pixels are of the class, likewise.
        labelled: which pixels count, likewise; the weight of others is 0.
    """
    step = ((1.0 - errors) * LEVELS).int().clamp_(0, LEVELS - 1)
    kind = step.add_(true, alpha=LEVELS).masked_fill_(~labelled, 2 * LEVELS)
    of_others, of_class = torch.bincount(kind.flatten(), minlength=2 * LEVELS + 1)[:-1].double().view(2, LEVELS)
    pixels = of_class.sum()
    union = pixels + of_others.cumsum(0)
    union_before = union - of_others
    left = pixels - of_class.cumsum(0) + 0.5 * of_class
    for_others, for_class = left / (union * union_before), 0.5 / union + 0.5 / union_before
    table = torch.cat([for_others, for_class, for_class.new_zeros(1)])
    return table.to(errors.dtype).index_select(0, kind.flatten()).view_as(errors)
