"""He, Sun and Tang's guided filter: a plane that follows the edges of a finer one, or is smoothed up to its own."""

import torch
from torch.nn import functional as F


def fitted(plane: torch.Tensor, guide: torch.Tensor, *, radius: int, regularization: float) -> torch.Tensor:
    """Return a and b, [N, 2, h, w], of the affine function a · guide + b that a plane is near each pixel.

    Least squares over square windows, with a kept small where the guide hardly varies (He, Sun, Tang: Guided Image
    Filtering, TPAMI 2013, equations 5, 6 and 8). Once they are resized to a finer guide's size, the function gives a
    plane that has its edges (Fast Guided Filter, arXiv:1505.00996).

    Args:
        plane: what is filtered, [N, 1, h, w].
        guide: whose edges count, [N, 1, h, w].
        radius: of the windows, in pixels of the plane; beyond the edge the pixels at the edge are repeated.
        regularization: variance of the guide below which its edges are not followed.
    """
    means = _window_means(torch.cat([guide, plane, guide * guide, guide * plane], dim=1), radius)
    of_guide, of_plane, of_square, of_product = torch.split(means, 1, dim=1)
    slope = (of_product - of_guide * of_plane) / (of_square - of_guide * of_guide + regularization)
    return _window_means(torch.cat([slope, of_plane - slope * of_guide], dim=1), radius)


def smoothed(plane: torch.Tensor, *, radius: int, regularization: float) -> torch.Tensor:
    """Return a and b, [N, 2, H / 2, W / 2], of the affine function a · plane + b that is a plane without noise.

    With the guide for the plane, `fitted` comes to a = σ² / (σ² + ε) and b = (1 - a) μ (ibid., section 3.2): flat parts
    are averaged, edges stay. So a is also how much of the finest detail is no noise, in [0, 1]. Resized to the plane's
    size, both are averaged over neighbouring windows, which overlap by half.

    Args:
        plane: what is smoothed, [N, 1, H, W]; H and W are even.
        radius: half the side of the square windows, in pixels; beyond the edge the pixels at the edge are repeated.
        regularization: variance of a window, ε, well above which it stays as it is.
    """
    beyond = radius - 1
    moments = F.pad(torch.cat([plane, plane * plane], dim=1), (beyond,) * 4, mode="replicate")
    mean, of_square = F.avg_pool2d(moments, 2 * radius, 2).chunk(2, dim=1)
    variance = (of_square - mean * mean).clamp(min=0.0)
    slope = variance / (variance + regularization)
    return torch.cat([slope, mean - slope * mean], dim=1)


def _window_means(planes: torch.Tensor, radius: int) -> torch.Tensor:
    return F.avg_pool2d(F.pad(planes, (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)
