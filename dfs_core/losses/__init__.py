"""The terms of the generator's loss, named as in equation 1 of arXiv 1903.01530.

L_GAN is one of `ADVERSARIAL`, L_pixel is `pixel`, L_percep is `perceptual`, L_seg is made of `SEGMENTATION`. These
four compute in 32 bits or more, whatever the precision of what they are given.
"""

from collections.abc import Callable

import torch

from dfs_core.losses.adversarial import bce, least_squares
from dfs_core.losses.cross_entropy import cross_entropy
from dfs_core.losses.fog import airlight, attainable, attenuation, hidden, transmission
from dfs_core.losses.iiou import iiou
from dfs_core.losses.image import harm, pixel
from dfs_core.losses.jaccard import jaccard
from dfs_core.losses.l2 import l2_prob, l2_rgb
from dfs_core.losses.lovasz import lovasz
from dfs_core.losses.perceptual import perceptual
from dfs_core.losses.target import SegmentationTarget

__all__ = [
    "ADVERSARIAL",
    "COLOR_FORMS",
    "SEGMENTATION",
    "SegmentationTarget",
    "airlight",
    "attainable",
    "attenuation",
    "harm",
    "hidden",
    "perceptual",
    "pixel",
    "transmission",
]

ADVERSARIAL: dict[str, Callable[..., torch.Tensor]] = {"least_squares": least_squares, "bce": bce}
"""L_GAN by name: from scores of patches [N, 1, h, w] and `real`, how far the scores are from calling them so."""

SEGMENTATION: dict[str, Callable[[torch.Tensor, SegmentationTarget], torch.Tensor]] = {
    "l2_rgb": l2_rgb,
    "l2_prob": l2_prob,
    "cross_entropy": cross_entropy,
    "lovasz": lovasz,
    "jaccard": jaccard,
    "iiou": iiou,
}
"""Terms of L_seg by name: from a segmenter's answer and the truth."""

COLOR_FORMS = frozenset({"l2_rgb"})
"""The terms of L_seg that want an answer in colours, RGB in [-1, 1]; the others want class logits."""
