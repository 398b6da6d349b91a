"""L_pixel and harm against values computed by hand, and their gradients against finite differences."""

import pytest
import torch

from dfs_core import losses


def test_pixel_by_hand():
    dehazed, clear = torch.tensor([0.2, 0.6]).view(1, 1, 1, 2), torch.tensor([0.5, 0.5]).view(1, 1, 1, 2)
    # 0.3 and 0.1 in units of [0, 1], twice as much in units of [-1, 1]
    assert losses.pixel(dehazed, clear).item() == pytest.approx(0.4)


def test_pixel_is_what_the_paper_has_on_images_of_both_signs():
    generator = torch.Generator().manual_seed(0)
    dehazed, clear = (torch.rand(2, 3, 5, 6, generator=generator) for _ in range(2))
    expected = torch.nn.L1Loss()(2.0 * dehazed - 1.0, 2.0 * clear - 1.0)
    torch.testing.assert_close(losses.pixel(dehazed, clear), expected)


def test_harm_counts_only_what_became_worse():
    hazy = torch.tensor([0.5, 0.5, 0.9, 0.3]).view(1, 1, 1, 4)
    clear = torch.tensor([0.5, 0.4, 0.3, 0.1]).view(1, 1, 1, 4)
    dehazed = torch.tensor([0.3, 0.4, 0.5, -0.3]).view(1, 1, 1, 4)
    # worse by 0.2 than before, better, better, and past the truth: 0.4 off instead of 0.2
    assert losses.harm(dehazed, hazy, clear).item() == pytest.approx(2.0 * (0.2 + 0.2) / 4)


def test_leaving_the_frame_alone_does_no_harm():
    hazy, clear = (torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert losses.harm(hazy, hazy, clear).item() == 0.0


def test_gradient_matches_finite_differences(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)  # finite differences need more than 32 bits
    x = torch.randn(1, 3, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    clear = torch.linspace(0.1, 0.9, 24, dtype=torch.float64).view(1, 3, 2, 4)
    assert torch.autograd.gradcheck(lambda dehazed: losses.pixel(dehazed, clear), (x,))
    assert torch.autograd.gradcheck(lambda dehazed: losses.harm(dehazed, clear + 0.05, clear), (x,))
