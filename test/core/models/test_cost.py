"""Costs against a count by hand."""

import pytest
import torch
from torch import nn

from dfs_core.models import create_discriminator, create_generator
from dfs_core.models.cost import cost, describe


@pytest.fixture
def network():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 5, padding=2, groups=8),
        nn.ConvTranspose2d(8, 4, 2, stride=2),
    )


def test_cost_by_hand(network):
    parameters, macs = cost(network, (2, 3, 16, 32))
    assert parameters == 3 * 8 * 9 + 2 * 8 + 8 * 25 + 8 + 8 * 4 * 4 + 4
    maps = 2 * 8 * 16  # images, and pixels after the first convolution
    assert macs == maps * (3 * 8 * 9 + 8 * 25 + 8 * 4 * 4)


def test_network_stays_as_it_is(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    cost(network.train(), (2, 3, 16, 16))
    assert network.training
    assert all(
        value.device.type == "cpu" and torch.equal(value, before[name]) for name, value in network.state_dict().items()
    )
    assert all(value.requires_grad for value in network.parameters())


def test_description_of_the_papers_networks():
    generator, discriminator = create_generator("resnet_9blocks"), create_discriminator("patchgan_70")
    assert describe(generator, 256, 256) == "11.4 M parameters, 49.6 GMAC at 256x256"
    assert describe(generator, 512, 1024) == "11.4 M parameters, 396 GMAC at 1024x512"
    assert describe(generator, 1024, 2048) == "11.4 M parameters, 1586 GMAC at 2048x1024"
    assert describe(discriminator, 256, 256, images=2).startswith("2.77 M parameters, ")
