"""He, Sun and Tang's guided filter: a plane that follows the edges of a finer one, and frames smoothed up to theirs."""

import torch
from torch.nn import functional as F

from dfs_core.models.layers import upsample_like


def guided(plane: torch.Tensor, guide: torch.Tensor, *, radius: int, regularization: float) -> torch.Tensor:
    """Return a plane [N, 1, H, W] that is, near each pixel, an affine function of the guide: q = a · guide + b.

    Least squares over square windows, with a kept small where the guide hardly varies (He, Sun, Tang: Guided Image
    Filtering, TPAMI 2013, equations 5, 6 and 8; Fast Guided Filter, arXiv:1505.00996, for fitting at low resolution).

    Args:
        plane: what is filtered, [N, 1, h, w].
        guide: whose edges count, [N, 1, H, W]; H / h and W / w are the same whole number.
        radius: of the windows, in pixels of the plane; beyond the edge the pixels at the edge are repeated.
        regularization: variance of the guide below which its edges are not followed.
    """
    small = F.avg_pool2d(guide, guide.shape[-1] // plane.shape[-1])
    means = _window_means(torch.cat([small, plane, small * small, small * plane], dim=1), radius)
    of_guide, of_plane, of_square, of_product = torch.split(means, 1, dim=1)
    slope = (of_product - of_guide * of_plane) / (of_square - of_guide * of_guide + regularization)
    line = _window_means(torch.cat([slope, of_plane - slope * of_guide], dim=1), radius)
    slope, intercept = torch.split(upsample_like(line, guide), 1, dim=1)
    return slope * guide + intercept


def smoothed(frames: torch.Tensor, *, radius: int, regularization: float) -> torch.Tensor:
    """Return frames [N, C, h, w] without noise, each channel guided by itself: flat parts are averaged, edges stay.

    With the guide for the plane, `guided` comes to a = σ² / (σ² + ε) and b = (1 - a) μ (ibid., section 3.2).

    Args:
        frames: what is smoothed.
        radius: of the square windows, in pixels; beyond the edge the pixels at the edge are repeated.
        regularization: variance of a window, ε, well above which it stays as it is.
    """
    means, of_square = _window_means(torch.cat([frames, frames * frames], dim=1), radius).chunk(2, dim=1)
    variance = (of_square - means * means).clamp(min=0.0)
    slope = variance / (variance + regularization)
    line = _window_means(torch.cat([slope, means - slope * means], dim=1), radius)
    slope, intercept = line.chunk(2, dim=1)
    return slope * frames + intercept


def _window_means(planes: torch.Tensor, radius: int) -> torch.Tensor:
    return F.avg_pool2d(F.pad(planes, (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)
