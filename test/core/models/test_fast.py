"""The fast generator's options: what each is there to remove, and that a checkpoint without them means what it did."""

import pytest
import torch

from dfs_core.errors import ConfigError
from dfs_core.models import create_generator

SMOOTH = {"padding": "replicate", "finish": "guided", "airlight_tint": 0.12, "airlight_dimming": 0.2}
WHOLE = SMOOTH | {"sky": True}


def generator(**options):
    """Return a generator that has seen a batch, so that its averages are those of images."""
    torch.manual_seed(0)
    network = create_generator("fast", {"width": 4, **options})
    with torch.no_grad():
        network.train()(torch.rand(2, 3, 64, 96))
    return network.eval()


def spread(options, *, rim):
    """Return how far apart the coefficients of an even picture are, all of them or those away from its edges."""
    with torch.inference_mode():
        restoration = generator(**options)(torch.full((1, 3, 320, 352), 0.3)).restoration()
    if not rim:
        restoration = restoration[:, :, 144:176, 160:192]
    return (restoration.amax(dim=(2, 3)) - restoration.amin(dim=(2, 3))).max().item()


def test_even_picture_has_even_coefficients_up_to_the_edge():
    assert spread(WHOLE, rim=True) < 1e-5


def test_zeros_beyond_the_edge_leave_a_rim():
    guided = {"finish": "guided"}
    assert spread(guided, rim=True) > 1e-2
    assert spread(guided, rim=False) < 1e-4


def test_shuffle_leaves_a_mesh():
    assert spread({"padding": "replicate"}, rim=False) > 1e-2


def test_guided_transmission_keeps_an_edge_of_the_frame():
    """The step lies between two pixels of one cell of half the low resolution."""
    network = generator(**SMOOTH)
    torch.nn.init.zeros_(network.guided_transmission.weight)
    with torch.no_grad():
        network.guided_transmission.bias.copy_(torch.tensor([1.0, 4.0, 0.0, 0.0]))
        frame = torch.full((1, 3, 32, 48), 0.2)
        frame[:, :, :, 17:] = 0.7
        share = network(frame).transmission
    # t0 + (1 - t0) sigmoid(1 + 4 (red - 1/2)): sigmoid(-0.2) = 0.450166, sigmoid(1.8) = 0.858149
    torch.testing.assert_close(share[..., :17], torch.full((1, 1, 32, 17), 0.12 + 0.88 * 0.450166))
    torch.testing.assert_close(share[..., 17:], torch.full((1, 1, 32, 31), 0.12 + 0.88 * 0.858149))


def test_airlight_is_dimmed_by_no_more_than_its_share_and_keeps_its_colour():
    network = generator(**SMOOTH)
    with torch.no_grad():
        network.glow.weight.mul_(1000.0)
        light = network(torch.rand(1, 3, 64, 96)).airlight
    assert light.shape == (1, 3, 64, 96)
    dimmest, brightest = light.amin(dim=(2, 3)), light.amax(dim=(2, 3))
    assert (dimmest / brightest >= 0.8 - 1e-6).all()
    assert (dimmest < brightest).all()
    color = light / light.sum(dim=1, keepdim=True)
    torch.testing.assert_close(color, color[:, :, :1, :1].expand_as(color))


def test_sky_is_drawn_where_no_light_survives_and_nowhere_else():
    """Transmission follows red alone: hardly any light survives to the left, nearly all of it to the right."""
    network = generator(finish="guided", sky=True)
    for layer in (network.guided_transmission, network.sky, network.sky_light):
        torch.nn.init.zeros_(layer.weight)
    with torch.no_grad():
        network.guided_transmission.bias.copy_(torch.tensor([0.0, 20.0, 0.0, 0.0]))
        network.sky.bias.fill_(0.0)
        network.sky_light.bias.copy_(torch.tensor([0.5, 0.0, 0.0, 1.0]))
        frame = torch.full((1, 3, 32, 48), 0.1)
        frame[:, :, :, 24:] = 0.9
        estimate = network(frame)
    # logits -8 and 8: sigmoid(8) = 0.99966 of the sky's colour, 0.5 tanh(0.5) = 0.23106, blue + 0.15 tanh(1) = 0.11424
    color = torch.tensor([0.23106, 0.23106, 0.34530]).view(1, 3, 1, 1)
    torch.testing.assert_close(estimate.sky[..., :20], (0.99966 * color).expand(1, 3, 32, 20), atol=1e-4, rtol=0)
    assert estimate.sky[..., 28:].abs().max() < 2e-4
    plain = estimate._replace(sky=None)
    torch.testing.assert_close(estimate.dehaze(frame) - plain.dehaze(frame), estimate.sky)


def test_every_weight_of_all_options_learns():
    network = generator(**WHOLE).train()
    estimate = network(torch.rand(2, 3, 64, 96))
    torch.stack([(plane * torch.rand_like(plane)).sum() for plane in estimate]).sum().backward()
    assert [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_without_options_it_has_the_weights_of_the_first_checkpoints():
    names = set(create_generator("fast").state_dict())
    assert {"transmission.weight", "transmission.bias"} <= names
    assert not any(name.startswith(("guided_transmission", "glow", "sky")) for name in names)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"padding": "mirror"}, "padding of the generator 'fast' must be one of zeros, replicate, not 'mirror'"),
        ({"finish": "smooth"}, "finish of the generator 'fast' must be one of shuffle, guided, not 'smooth'"),
        ({"airlight_tint": -0.1}, r"must be in \[0, 1\), not -0.1 and 0.0"),
        ({"finish": "guided", "airlight_dimming": 1.0}, r"must be in \[0, 1\), not 0.08 and 1.0"),
        ({"sky": True}, "sky of the generator 'fast' needs finish 'guided', not 'shuffle'"),
        ({"airlight_dimming": 0.2}, "airlight_dimming of the generator 'fast' needs finish 'guided', not 'shuffle'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        create_generator("fast", options)
