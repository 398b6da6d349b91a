"""L_percep: how far apart two images are in the eyes of a network that knows natural images."""

from collections.abc import Sequence

import torch


def perceptual(features: Sequence[torch.Tensor], reference: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the mean squared difference of feature maps, averaged over the layers.

    Args:
        features: of the dehazed image, a map [N, C, h, w] from each layer.
        reference: of the clear image, likewise.

    Raises:
        ValueError: they do not have the same number of layers.

    Source: L_percep of arXiv 1903.01530, there with one layer of VGG16.
    """
    layers = zip(features, reference, strict=True)
    return torch.stack([(one.float() - other.float()).square().mean() for one, other in layers]).mean()
