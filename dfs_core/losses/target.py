"""What a segmentation is compared with."""

from typing import NamedTuple

import torch


class SegmentationTarget(NamedTuple):
    """The truth about N frames, in all forms that the terms of L_seg ask for.

    Attributes:
        labels: class ids, int64 [N, H, W]; 255 is ignored.
        colors: the colour of each class, RGB in [-1, 1], [classes, 3].
        instance_weights: average size of a thing's class over its own size, [N, H, W], 1 on what is no thing; None
            where the data has no instances.
    """

    labels: torch.Tensor
    colors: torch.Tensor
    instance_weights: torch.Tensor | None = None
