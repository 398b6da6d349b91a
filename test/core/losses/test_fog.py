"""The terms about the fog against values computed by hand, and their gradients against finite differences."""

import math

import pytest
import torch

from dfs_core import losses, optics


def test_transmission_counts_where_light_survives():
    true = torch.tensor([0.5, 0.06, 0.0]).view(1, 1, 1, 3)
    predicted = torch.tensor([0.4, 0.32, 0.9]).view(1, 1, 1, 3)
    # 0.1 whole; 0.2 above the floor 0.12 by half; nothing of the sky
    expected = (0.1 + 0.5 * 0.2) / 3
    assert losses.transmission(predicted, true, floor=0.12).item() == pytest.approx(expected)


def test_hidden_is_what_no_light_comes_through():
    true = torch.tensor([0.0, 0.0, 0.06, 1.0]).view(1, 1, 1, 4)
    predicted = torch.tensor([0.9, 0.0, 0.3, 0.0]).view(1, 1, 1, 4)
    expected = -(math.log(0.9) + math.log(1e-4) + math.log(0.7) + math.log(1.0 - 1e-4)) / 4
    assert losses.hidden(predicted, true, unseen=0.06).item() == pytest.approx(expected, rel=1e-4)


def test_what_hardly_shows_is_hidden_in_part():
    true, predicted = torch.tensor([0.01]).view(1, 1, 1, 1), torch.tensor([0.6]).view(1, 1, 1, 1)
    expected = -(0.75 * math.log(0.6) + 0.25 * math.log(0.4))
    assert losses.hidden(predicted, true, unseen=0.04).item() == pytest.approx(expected, rel=1e-4)


def test_transmission_does_not_count_where_a_thing_is_hidden():
    true = torch.tensor([0.0, 0.04, 0.08, 0.5]).view(1, 1, 1, 4)
    predicted = torch.tensor([1.0, 1.0, 0.32, 0.6]).view(1, 1, 1, 4)
    found = losses.transmission(predicted, true, floor=0.12, unseen=0.04)
    assert found.item() == pytest.approx((0.5 * (0.32 - 0.12) + 0.1) / 4)


def test_attainable_is_what_the_fog_model_gives_back():
    clear = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    airlight = torch.tensor([0.7, 0.8, 0.9]).view(1, 3, 1, 1)
    share = torch.linspace(0.0, 1.0, 20).view(1, 1, 4, 5)
    hazy = optics.add_fog(clear[0].permute(1, 2, 0).numpy(), share[0, 0].numpy(), airlight.flatten().numpy())
    expected = optics.remove_fog(hazy, share[0, 0].numpy(), airlight.flatten().numpy(), min_transmission=0.12)
    found = losses.attainable(clear, airlight, share, floor=0.12)
    torch.testing.assert_close(found[0].permute(1, 2, 0), torch.from_numpy(expected), atol=1e-6, rtol=1e-5)


def test_airlight_counts_by_the_share_of_fog():
    predicted, true = torch.full((2, 3, 1, 1), 0.5), torch.tensor([0.6, 0.9]).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    share = torch.tensor([[0.5, 1.0], [0.0, 0.5]]).view(2, 1, 1, 2)
    assert losses.airlight(predicted, true, share).item() == pytest.approx((1.5 * 0.1 + 0.5 * 0.4) / 2.0)


def test_airlight_that_is_uneven_is_compared_where_it_is():
    true = torch.tensor([0.6, 0.9]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    share = torch.tensor([1.0, 0.5]).view(1, 1, 1, 2)
    assert losses.airlight(true, true, share).item() == 0.0
    assert losses.airlight(true.flip(3), true, share).item() == pytest.approx(0.3)


def test_attenuation_is_compared_by_its_logarithm():
    loss = losses.attenuation(torch.tensor([0.01, 0.001]), torch.tensor([0.02, 0.0]), clearest=0.001)
    assert loss.item() == pytest.approx(math.log(2) / 2)


LIKE = torch.linspace(0.1, 0.9, 24, dtype=torch.float64).view(1, 3, 2, 4)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: losses.transmission(x[:, :1].sigmoid(), torch.full_like(LIKE[:, :1], 0.7), floor=0.1),
        lambda x: losses.hidden(x.sigmoid(), (LIKE - 0.5).clamp(min=0.0), unseen=0.1),
        lambda x: losses.attenuation(x.abs().flatten() + 0.1, torch.full_like(LIKE.flatten(), 0.01), clearest=1e-3),
    ],
)
def test_gradient_matches_finite_differences(loss):
    x = torch.randn(1, 3, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(loss, (x,))
