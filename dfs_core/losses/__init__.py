"""The terms of the generator's loss, named as in equation 1 of arXiv 1903.01530.

L_GAN is one of `ADVERSARIAL`, L_pixel is `pixel`, L_percep is `perceptual`, L_seg is made of `SEGMENTATION`.
"""

from collections.abc import Callable

import torch

from dfs_core.losses.fog import airlight, attainable, attenuation, transmission
from dfs_core.losses.image import pixel
from dfs_core.losses.segmentation import cross_entropy
from dfs_core.losses.target import SegmentationTarget

__all__ = [
    "ADVERSARIAL",
    "SEGMENTATION",
    "SegmentationTarget",
    "airlight",
    "attainable",
    "attenuation",
    "pixel",
    "transmission",
]

ADVERSARIAL: dict[str, Callable[..., torch.Tensor]] = {}
"""L_GAN by name: from scores of patches [N, 1, h, w] and `real`, how far the scores are from calling them so."""

SEGMENTATION: dict[str, Callable[[torch.Tensor, SegmentationTarget], torch.Tensor]] = {"cross_entropy": cross_entropy}
"""Terms of L_seg by name: from a segmenter's answer and the truth."""
