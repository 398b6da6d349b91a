"""L_percep against values computed by hand, and its gradient against finite differences."""

import pytest
import torch

from dfs_core import losses


def test_layers_count_alike_whatever_their_size():
    features = [torch.tensor([1.0, 3.0]).view(1, 2, 1, 1), torch.full((1, 1, 4, 4), 2.0)]
    reference = [torch.tensor([0.0, 1.0]).view(1, 2, 1, 1), torch.full((1, 1, 4, 4), 5.0)]
    # (1 + 4) / 2 in the first layer, 9 in the second
    assert losses.perceptual(features, reference).item() == pytest.approx((2.5 + 9.0) / 2)


def test_same_features_give_zero():
    maps = [torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))]
    assert losses.perceptual(maps, maps).item() == 0.0


def test_other_number_of_layers_is_refused():
    layer = torch.zeros(1, 1, 2, 2)
    with pytest.raises(ValueError, match="shorter"):
        losses.perceptual([layer, layer], [layer])


def test_half_precision_is_squared_in_single():
    one, other = torch.tensor([3.0]).bfloat16(), torch.tensor([1.0 + 2**-7]).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = losses.perceptual([other], [one])
    assert loss.dtype == torch.float32
    assert loss.item() == (2 - 2**-7) ** 2  # its 14 bits are more than bfloat16 has


def test_gradient_matches_finite_differences(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)  # finite differences need more than 32 bits
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 2, 3, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    reference = [torch.zeros(1, 2, 3, 3, dtype=torch.float64), torch.ones(1, 2, 3, 3, dtype=torch.float64)]
    assert torch.autograd.gradcheck(lambda x: losses.perceptual([x, x.sin()], reference), (x,))
