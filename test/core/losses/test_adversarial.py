"""L_GAN against values computed by hand, and its gradient against finite differences."""

import math

import pytest
import torch

from dfs_core import losses

SCORES = torch.tensor([[0.0, 1.0], [-2.0, 0.5]]).view(1, 1, 2, 2)


@pytest.mark.parametrize(
    ("real", "expected"), [(True, (1.0 + 0.0 + 9.0 + 0.25) / 4), (False, (0.0 + 1.0 + 4.0 + 0.25) / 4)]
)
def test_least_squares_by_hand(real, expected):
    assert losses.ADVERSARIAL["least_squares"](SCORES, real=real).item() == pytest.approx(expected)


@pytest.mark.parametrize("real", [True, False])
def test_bce_by_hand(real):
    shares = [1 / (1 + math.exp(-score)) for score in (0.0, 1.0, -2.0, 0.5)]
    expected = -sum(math.log(share if real else 1 - share) for share in shares) / 4
    assert losses.ADVERSARIAL["bce"](SCORES, real=real).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("real", [True, False])
def test_bce_stays_finite_when_the_discriminator_is_sure(real):
    scores = torch.tensor([1e4, -1e4], requires_grad=True)
    loss = losses.ADVERSARIAL["bce"](scores, real=real)
    loss.backward()
    assert loss.item() == 5e3
    assert scores.grad.tolist() == ([0.0, -0.5] if real else [0.5, 0.0])


@pytest.mark.parametrize("form", losses.ADVERSARIAL)
def test_scores_of_half_precision_are_compared_in_single(form):
    scores = SCORES.to(torch.bfloat16)  # which holds these very numbers
    with torch.autocast("cpu", torch.bfloat16):
        loss = losses.ADVERSARIAL[form](scores, real=True)
    assert loss.dtype == torch.float32
    assert loss.item() == losses.ADVERSARIAL[form](SCORES, real=True).item()


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("form", losses.ADVERSARIAL)
def test_gradient_matches_finite_differences(form, real, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)  # finite differences need more than 32 bits
    scores = SCORES.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: losses.ADVERSARIAL[form](x, real=real), (scores,))
