"""The discriminator: what it sees, what it costs, and in which units it is fed."""

import pytest
import torch

from dfs_core.models import create_discriminator
from dfs_core.models.cost import cost


@pytest.fixture
def network():
    torch.manual_seed(0)
    return create_discriminator("patchgan_70", {"filters": 4}).eval()


def test_each_score_sees_70_pixels(network):
    image = torch.rand(1, 3, 160, 160, requires_grad=True)
    scores = network(torch.zeros_like(image), image)
    row = column = scores.shape[-1] // 2
    scores[0, 0, row, column].backward()
    seen = image.grad[0].abs().sum(dim=0) > 0
    assert seen.any(dim=1).sum() == 70
    assert seen.any(dim=0).sum() == 70


def test_scores_have_the_shape_that_is_promised(network):
    frames = torch.rand(2, 3, 64, 96)
    assert network(frames, frames).shape == (2, 1, 64 // 8 - 2, 96 // 8 - 2)
    smallest = torch.rand(1, 3, 24, 24)
    assert network(smallest, smallest).shape == (1, 1, 1, 1)


def test_condition_comes_before_image_in_units_from_minus_one_to_one(network):
    condition, image = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    expected = network.score(torch.cat([condition * 2 - 1, image * 2 - 1], dim=1))
    torch.testing.assert_close(network(condition, image), expected)
    assert not torch.allclose(network(image, condition), expected)


def test_every_weight_learns(network):
    frames = torch.rand(2, 3, 64, 64)
    network.train()(frames, frames.flip(3)).square().sum().backward()
    assert all(value.grad.any() for value in network.parameters())


def test_it_has_the_size_of_pix2pix():
    """Convolutions of 4 x 4 from 6 over 64, 128, 256 and 512 channels to 1; biases on the ends, BatchNorm between."""
    weights = 16 * (6 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1)
    expected = weights + 64 + 1 + 2 * (128 + 256 + 512)
    parameters, _ = cost(create_discriminator("patchgan_70"), (1, 3, 256, 256), (1, 3, 256, 256))
    assert parameters == expected
    assert round(parameters / 1e6, 2) == 2.77
