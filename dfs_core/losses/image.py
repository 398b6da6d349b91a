"""L_pixel: how far a dehazed image is from the clear one."""

import torch


def pixel(image: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference of two images, in units of [-1, 1].

    Args:
        image: [N, 3, H, W] in [0, 1].
        reference: likewise.

    Source: L_pixel of arXiv 1903.01530 is L1 on images in [-1, 1], twice what it is on images in [0, 1].
    """
    return 2.0 * (image.float() - reference.float()).abs().mean()
