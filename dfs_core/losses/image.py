"""L_pixel: how far a dehazed image is from the clear one, and how much farther than the hazy one was."""

import torch


def pixel(image: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference of two images, in units of [-1, 1].

    Args:
        image: [N, 3, H, W] in [0, 1].
        reference: likewise.

    Source: L_pixel of arXiv 1903.01530 is L1 on images in [-1, 1], twice what it is on images in [0, 1].
    """
    return 2.0 * (image.float() - reference.float()).abs().mean()


def harm(image: torch.Tensor, hazy: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Return by how much a dehazed image is farther from the clear one than the hazy image was, in units of [-1, 1].

    It is the mean of max(0, |image - reference| - |hazy - reference|). In dense fog nearly everything is better than to
    leave it; in light fog, in clear air and before the sky, where a change is easily one for the worse, this counts.

    Args:
        image: [N, 3, H, W] in [0, 1].
        hazy: what the camera saw, likewise.
        reference: likewise.
    """
    before, after = ((given.float() - reference.float()).abs() for given in (hazy, image))
    return 2.0 * (after - before).clamp(min=0.0).mean()
