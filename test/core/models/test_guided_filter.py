"""Planes that follow the edges of a finer one."""

import torch
from torch.nn import functional as F

from dfs_core.models.guided_filter import fitted, smoothed
from dfs_core.models.layers import upsample_like


def applied(affine, guide):
    slope, intercept = upsample_like(affine, guide).chunk(2, dim=1)
    return slope * guide + intercept


def guided(plane, guide, **window):
    small = F.avg_pool2d(guide, guide.shape[-1] // plane.shape[-1])
    return applied(fitted(plane, small, **window), guide)


def step(width, *, at):
    """A picture [1, 1, 32, width] that is 0 left of a column and 1 from there on."""
    return (torch.arange(width) >= at).float().expand(1, 1, 32, width).contiguous()


def test_a_blurred_edge_becomes_that_of_the_guide():
    guide = 0.2 + 0.6 * step(96, at=50)
    plane = torch.linspace(-1.0, 2.0, 24).clamp(0.0, 1.0).expand(1, 1, 8, 24)  # rises from column 32 to column 64
    found = guided(plane, guide, radius=6, regularization=1e-4)
    assert found.shape == guide.shape
    assert found[..., 44:50].max() < 0.2
    assert found[..., 50:56].min() > 0.8


def test_edges_of_less_contrast_than_the_regularization_are_not_followed():
    plane = torch.rand(1, 1, 8, 24, generator=torch.Generator().manual_seed(0))
    flat = guided(plane, torch.full((1, 1, 32, 96), 0.5), radius=2, regularization=1e-4)
    faint = guided(plane, 0.5 + 1e-4 * step(96, at=50), radius=2, regularization=1e-4)
    torch.testing.assert_close(faint, flat, atol=1e-2, rtol=0)


def test_an_affine_function_of_the_guide_is_kept():
    guide = torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(0))
    plane = 0.3 - 2.0 * F.avg_pool2d(guide, 4)
    found = guided(plane, guide, radius=2, regularization=1e-9)
    torch.testing.assert_close(found, 0.3 - 2.0 * guide, atol=1e-3, rtol=0)


def test_a_constant_stays():
    guide = torch.rand(1, 1, 32, 48, generator=torch.Generator().manual_seed(0))
    found = guided(torch.full((1, 1, 8, 12), 0.7), guide, radius=3, regularization=1e-4)
    torch.testing.assert_close(found, torch.full_like(guide, 0.7), atol=1e-4, rtol=0)


def test_smoothing_keeps_edges_and_averages_what_is_flat():
    noise = 0.005 * torch.randn(1, 1, 32, 96, generator=torch.Generator().manual_seed(0))
    picture = 0.3 + 0.4 * step(96, at=50)
    affine = smoothed(picture + noise, radius=2, regularization=1e-3)
    assert affine.shape == (1, 2, 16, 48)
    found = applied(affine, picture + noise)
    assert (found - picture)[..., 4:44].std() < 0.35 * 0.005
    assert (found - picture).abs().max() < 0.03, "at the edge, too"
    detail = upsample_like(affine[:, :1], picture)
    assert detail[..., 4:44].max() < 0.1
    assert detail[..., 49:51].min() > 0.7


def test_every_edge_lies_within_a_window_of_the_smoothing():
    for column in range(40, 48):
        detail = upsample_like(smoothed(step(96, at=column), radius=2, regularization=1e-3)[:, :1], step(96, at=0))
        assert detail[..., column - 1 : column + 1].min() > 0.7


def test_smoothing_leaves_what_varies_more_than_noise():
    picture = torch.rand(2, 1, 24, 32, generator=torch.Generator().manual_seed(0))
    found = applied(smoothed(picture, radius=2, regularization=1e-6), picture)
    torch.testing.assert_close(found, picture, atol=1e-3, rtol=0)
