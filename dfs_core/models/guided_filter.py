"""He, Sun and Tang's guided filter: a plane that follows the edges of a finer one, or is smoothed up to its own."""

import torch
from torch.nn import functional as F


def fitted(plane: torch.Tensor, guide: torch.Tensor, *, radius: int, regularization: float) -> torch.Tensor:
    """Return a and b, [N, 2, h, w], of the affine function a · guide + b that a plane is near each pixel.

    Least squares over square windows, with a kept small where the guide hardly varies (He, Sun, Tang: Guided Image
    Filtering, TPAMI 2013, equations 5, 6 and 8). Once they are resized to the guide's size, the function gives a plane
    that has its edges (Fast Guided Filter, arXiv:1505.00996).

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
    return _window_means(torch.cat([slope, of_plane - slope * of_guide], dim=1), radius)


def smoothed(plane: torch.Tensor, *, radius: int, regularization: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a plane [N, 1, H, W] without noise, and how much of its finest detail is none, in [0, 1].

    With the guide for the plane, `fitted` comes to q = a · plane + b with a = σ² / (σ² + ε) and b = (1 - a) μ, averaged
    over windows both (ibid., section 3.2): flat parts are averaged, edges stay. The second answer is that a.

    Args:
        plane: what is smoothed.
        radius: of the square windows, in pixels; beyond the edge the pixels at the edge are repeated.
        regularization: variance of a window, ε, well above which it stays as it is.
    """
    mean, of_square = _window_means(torch.cat([plane, plane * plane], dim=1), radius).chunk(2, dim=1)
    variance = (of_square - mean * mean).clamp(min=0.0)
    slope = variance / (variance + regularization)
    slope, intercept = _window_means(torch.cat([slope, mean - slope * mean], dim=1), radius).chunk(2, dim=1)
    return slope * plane + intercept, slope


def _window_means(planes: torch.Tensor, radius: int) -> torch.Tensor:
    return F.avg_pool2d(F.pad(planes, (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)
