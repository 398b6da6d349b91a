"""The fast generator: what each part of it is there for."""

import math

import pytest
import torch

from dfs_core.errors import ConfigError
from dfs_core.models import create_generator, fast
from dfs_core.models.fast import (
    FARTHEST,
    MAX_ATTENUATION,
    MIN_ATTENUATION,
    RESTORED_FROM,
)
from dfs_core.models.sky import SKY_BRIGHTER, SKY_WHITEST


@pytest.fixture
def generator():
    """A generator that has seen a batch, so that its averages are those of images."""
    torch.manual_seed(0)
    network = create_generator("fast", {"width": 4})
    with torch.no_grad():
        network.train()(torch.rand(2, 3, 64, 96))
        fill(network.sky_of_scene[2], 0.0, 0.0, 0.0)
    return network.eval().requires_grad_(False)


@pytest.fixture
def unlit(monkeypatch):
    """Take nothing for a light."""
    monkeypatch.setattr(fast, "LIT_BY", 1e9)


def fill(layer, *biases):
    """Let a layer say the same of everything."""
    torch.nn.init.zeros_(layer.weight)
    layer.bias.copy_(torch.tensor(biases))


def logit_of(attenuation):
    """Return the number by which the network tells β."""
    whole = math.log(attenuation / MIN_ATTENUATION) / math.log(MAX_ATTENUATION / MIN_ATTENUATION)
    return math.log(whole / (1.0 - whole))


def test_even_picture_has_even_coefficients_up_to_the_edge(generator):
    generator.elevation.zero_()  # but for the sky, which is not
    restoration = generator(torch.full((1, 3, 320, 352), 0.3)).restoration()
    assert (restoration.amax(dim=(2, 3)) - restoration.amin(dim=(2, 3))).max() < 1e-5


@pytest.mark.usefixtures("unlit")
def test_transmission_keeps_an_edge_of_the_frame(generator):
    """The step lies between two pixels of one block of a quarter of the low resolution."""
    fill(generator.planes, 1.0, 4.0, 0.0, 0.0, -50.0)
    fill(generator.thickest, 0.0)
    fill(generator.globals, -50.0, *[0.0] * 4)  # airlight 0.25 below the mean: nothing is too dark for it
    frame = torch.full((1, 3, 64, 96), 0.2)
    frame[:, :, :, 49:] = 0.7
    share = generator(frame).transmission
    # t0 + (1 - t0) sigmoid(1 + 4 (red - 1/2)): sigmoid(-0.2) = 0.450166, sigmoid(1.8) = 0.858149
    left, right = 0.12 + 0.88 * 0.450166, 0.12 + 0.88 * 0.858149
    torch.testing.assert_close(share[..., :28], torch.full((1, 1, 64, 28), left))
    torch.testing.assert_close(share[..., 72:], torch.full((1, 1, 64, 24), right))
    assert share[..., 48].max() < left + 0.15 * (right - left)
    assert share[..., 49].min() > right - 0.15 * (right - left)


@pytest.mark.usefixtures("unlit")
def test_transmission_is_even_on_what_is_painted(generator):
    fill(generator.planes, 1.0, 4.0, 0.0, 0.0, -50.0)
    fill(generator.thickest, 0.0)
    fill(generator.globals, -50.0, *[0.0] * 4)
    paint = 0.02 * torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    share = generator(0.5 + paint).transmission
    # the derivative by red is 4 * 0.88 sigmoid(1) (1 - sigmoid(1)) = 0.692
    assert share.std() < 0.15 * 0.692 * 0.02


def test_airlight_is_the_mean_colour_of_the_frame_where_every_place_counts_alike(generator):
    fill(generator.thickest, 0.0)
    fill(generator.globals, *[0.0] * 5)
    frames = torch.rand(2, 1, 64, 96).expand(2, 3, 64, 96)
    torch.testing.assert_close(generator(frames).airlight, frames.mean(dim=(2, 3), keepdim=True))


def test_airlight_is_the_colour_of_the_place_that_counts(generator):
    generator.thickest.weight.mul_(1e7)
    fill(generator.globals, *[0.0] * 5)
    frame = torch.rand(1, 3, 64, 96)
    blocks = torch.nn.functional.avg_pool2d(frame, 16).flatten(2)[0].T
    distances = (blocks - generator(frame).airlight.flatten()).abs().amax(dim=1)
    assert distances.min() < 1e-5
    assert (distances < 1e-5).sum() == 1


def test_airlight_goes_beyond_what_is_seen(generator):
    fill(generator.thickest, 0.0)
    fill(generator.globals, 0.5, 0.0, 0.0, -1.0, 0.0)
    light = generator(torch.full((1, 3, 64, 96), 0.4)).airlight.flatten()
    # 0.4 + 0.25 tanh(0.5), blue less by 0.04 tanh(1)
    torch.testing.assert_close(light, torch.tensor([0.515529, 0.515529, 0.485065]), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("around", "tint_left"), [(0.1, 0.0), (0.5, 0.5), (0.9, 1.0)])
def test_airlight_that_is_much_brighter_than_the_frame_is_a_lamp_and_has_no_tint(generator, around, tint_left):
    fill(generator.globals, *[0.0] * 5)
    lamp = torch.tensor([0.9, 0.9, 0.6]).view(1, 3, 1, 1)  # luminance 0.8
    generator._seen = lambda *_: lamp
    light = generator(torch.full((1, 3, 64, 96), around * 0.8)).airlight.flatten()
    torch.testing.assert_close(light, 0.8 + tint_left * torch.tensor([0.1, 0.1, -0.2]), atol=1e-5, rtol=0)


def test_airlight_is_not_looked_up_where_the_tint_is_not_the_frames(generator):
    """The network says that the fog is as thick at the lamp, whose glow is yellow, as elsewhere."""
    fill(generator.thickest, 0.0)
    fill(generator.globals, *[0.0] * 5)
    fog = torch.tensor([0.5, 0.52, 0.54]).view(1, 3, 1, 1)
    frame = fog.expand(1, 3, 64, 96).clone()
    frame[:, :, 16:32, 16:32] = torch.tensor([0.95, 0.8, 0.5]).view(1, 3, 1, 1)
    torch.testing.assert_close(generator(frame).airlight, fog, atol=1e-3, rtol=0)
    frame[:, :, 16:32, 16:32] = fog + 0.24  # as bright, but of the fog's tint: one block of 24
    torch.testing.assert_close(generator(frame).airlight, fog + 0.01, atol=1e-3, rtol=0)


def test_sky_is_drawn_on_the_colour_of_the_airlight_and_nowhere_else(generator):
    fill(generator.thickest, 0.0)
    fill(generator.planes, -50.0, 0.0, 0.0, 0.0, 8.0)
    fill(generator.globals, *[0.0] * 5)
    fill(generator.sky, -0.5, 1.0, 0.0)
    generator.purity.fill_(50.0)
    frame = torch.full((1, 3, 32, 48), 0.6)  # 0.6 is the mean, so the airlight
    frame[:, :, :, 17:24], frame[:, :, :, 24:33] = 0.2, 1.0
    estimate = generator(frame)
    # sigmoid(8) = 0.99966 of the sky's colour: 0.5 tanh(-0.5) = -0.23106, bluer by 0.02 tanh(1) = 0.01523
    color = torch.tensor([-0.24629, -0.23106, -0.21583]).view(1, 3, 1, 1)
    sky = estimate.sky * estimate.hidden
    torch.testing.assert_close(sky[..., :17], (0.99966 * color).expand(1, 3, 32, 17), atol=1e-3, rtol=0)
    assert sky[..., 17:33].abs().max() < 0.02 * 0.2  # sigmoid(8 - 50 * 0.4) = 6e-6, and what a straight line is off
    assert estimate.transmission[..., :17].min() > 0.998  # nothing to restore
    assert estimate.transmission[..., 17:24].max() < 0.3
    plain = estimate._replace(sky=None)
    torch.testing.assert_close(estimate.dehaze(frame) - plain.dehaze(frame), sky)


def test_sky_grows_brighter_from_the_middle_of_the_frame_upwards(generator):
    fill(generator.planes, -50.0, 0.0, 0.0, 0.0, 50.0)
    fill(generator.globals, *[0.0] * 5)
    fill(generator.sky, -0.5, 0.0, 0.3)
    sky = generator(torch.full((1, 3, 64, 48), 0.6)).sky[0, 1, :, 0]
    horizon, rise = 0.5 * math.tanh(-0.5), 0.8 * math.tanh(0.3)  # of half a frame's height and of a whole one
    rows = (torch.arange(64) + 0.5) / 64
    expected = horizon + rise * (0.5 - rows).clamp(min=0.0)
    torch.testing.assert_close(sky[4:26], expected[4:26], atol=1e-5, rtol=0)
    torch.testing.assert_close(sky, expected, atol=rise / 32, rtol=0)  # at the ends of the ramp
    torch.testing.assert_close(sky[36:], torch.full((28,), horizon))


@pytest.mark.parametrize(
    ("attenuation", "share"),
    [
        (0.0005, 0.0),
        (0.001, 0.0),
        (0.0017321, 0.5),
        (0.003, 1.0),
        (0.02, 1.0),
        (0.0346410, 0.5),
        (0.06, 0.0),
        (0.2, 0.0),
    ],
)
def test_sky_is_the_frame_s_own_in_clear_air_and_keeps_the_colour_of_thick_fog(generator, attenuation, share):
    fill(generator.planes, -50.0, 0.0, 0.0, 0.0, 50.0)
    fill(generator.globals, *[0.0] * 4, logit_of(attenuation))
    fill(generator.sky, -0.5, 0.0, 0.0)
    estimate = generator(torch.full((1, 3, 32, 48), 0.6))
    torch.testing.assert_close(estimate.attenuation, torch.tensor([attenuation]))
    expected = torch.full((1, 3, 32, 48), -0.23106 * share)
    torch.testing.assert_close(estimate.sky * estimate.hidden, expected, atol=1e-4, rtol=0)


@pytest.mark.usefixtures("unlit")
def test_noise_is_not_amplified_with_the_fog(generator):
    fill(generator.thickest, 0.0)
    fill(generator.planes, -50.0, 0.0, 0.0, 0.0, -50.0)  # the least transmission, nothing hidden
    frame = torch.full((1, 3, 64, 96), 0.4)
    frame[:, :, :, 48:] = 0.6
    noise = 0.004 * torch.randn(frame.shape, generator=torch.Generator().manual_seed(0))
    estimate = generator(frame + noise)
    gain = estimate.transmission.reciprocal().max()
    assert gain > 4.0
    dehazed = estimate.dehaze(frame + noise)
    left, right = dehazed[..., 4:44].flatten(1), dehazed[..., 52:92].flatten(1)
    assert right.mean() - left.mean() > 0.9 * gain * 0.2, "the edge is"
    assert max(left.std(), right.std()) < 0.6 * gain * 0.004


def test_colour_of_a_small_thing_is_amplified_as_much_as_its_luminance(generator):
    fill(generator.thickest, 0.0)
    fill(generator.planes, -50.0, 0.0, 0.0, 0.0, -50.0)
    frame = torch.full((1, 3, 64, 96), 0.5)
    frame[:, 0, 30:34, 46:50] = 0.8  # a lamp
    estimate = generator(frame)
    lamp, around = estimate.dehaze(frame)[0, :, 31, 47], estimate.dehaze(frame)[0, :, 31, 10]
    beyond = lamp - around
    assert beyond[0] - beyond[1] > 0.7 * 0.3 / estimate.transmission[0, 0, 31, 47]


def test_lights_are_left_as_they_are_and_learnt_as_all_else(generator):
    fill(generator.thickest, 0.0)
    fill(generator.globals, *[0.0] * 5)
    fill(generator.planes, -50.0, 0.0, 0.0, 0.0, -50.0)
    frame = torch.full((1, 3, 64, 96), 0.5)
    frame[:, :, 16:48, 32:64] = 0.8  # the airlight is the mean, 0.55
    estimate = generator(frame)
    lamp = (..., slice(20, 44), slice(36, 60))
    torch.testing.assert_close(estimate.dehaze(frame)[lamp], frame[lamp], atol=1e-3, rtol=0)
    assert estimate.transmission[..., :28].max() < 0.5
    generator.training = True  # of the network alone: what it is made of says the same as before
    assert generator(frame).transmission[lamp].max() < 0.5


def test_sky_is_hardly_brighter_than_the_fog(generator):
    fill(generator.planes, -50.0, 0.0, 0.0, 0.0, 50.0)
    fill(generator.globals, *[0.0] * 5)
    fill(generator.sky, 5.0, 0.0, 0.0)
    sky = generator(torch.full((1, 3, 32, 48), 0.6)).sky
    torch.testing.assert_close(sky, torch.full((1, 3, 32, 1), SKY_BRIGHTER))


@pytest.mark.parametrize(("fog", "brighter"), [(0.84, SKY_BRIGHTER), (0.93, SKY_WHITEST - 0.93), (0.99, 0.0)])
def test_sky_of_nearly_white_fog_is_not_blown(generator, fog, brighter):
    fill(generator.thickest, 0.0)
    fill(generator.globals, *[0.0] * 5)
    fill(generator.sky, 5.0, 0.0, 0.0)
    sky = generator(torch.full((1, 3, 32, 48), fog)).sky
    torch.testing.assert_close(sky, torch.full((1, 3, 32, 1), brighter))


def test_a_sky_that_is_told_too_bright_can_learn_to_be_darker(generator):
    fill(generator.sky, 2.0, 0.0, 0.0)  # 0.5 tanh(2) = 0.48
    generator.sky.bias.requires_grad_(True)
    generator(torch.full((1, 3, 32, 48), 0.6)).sky.mean().backward()
    assert generator.sky.bias.grad[0] == pytest.approx(0.5 * (1.0 - math.tanh(2.0) ** 2), rel=1e-4)


@pytest.mark.parametrize(("number", "least"), [(-50.0, math.exp(-FARTHEST * MIN_ATTENUATION)), (0.0, RESTORED_FROM)])
def test_thin_fog_hides_nothing_near_enough_to_be_told_from_it(generator, number, least):
    """The share of the transmission is at its floor everywhere, but in so thin a fog nothing is far enough for that."""
    fill(generator.thickest, 0.0)
    fill(generator.planes, -50.0, 0.0, 0.0, 0.0, -50.0)
    fill(generator.globals, *[0.0] * 4, number)
    transmission = generator(torch.full((1, 3, 64, 96), 0.3)).transmission
    torch.testing.assert_close(transmission, torch.full_like(transmission, least))


def test_neighbourhood_stays_brighter_than_a_share_of_the_airlight(generator):
    """The share of the transmission is at its floor everywhere, which would turn the left half far below black."""
    fill(generator.thickest, 0.0)
    fill(generator.planes, -50.0, 0.0, 0.0, 0.0, -50.0)
    fill(generator.globals, 50.0, *[0.0] * 4)
    frame = torch.full((1, 3, 64, 96), 0.3)
    frame[..., 48:] = 0.7
    estimate = generator(frame)
    airlight = 0.5 + 0.25
    torch.testing.assert_close(estimate.airlight.flatten(), torch.full((3,), airlight))
    # d = 0.2 (1 - 0.12); t = (0.75 - 0.3) / (0.75 (1 - d)) to the left, of which J = d A remains; to the right the same
    share = 0.2 * (1.0 - 0.12)
    dehazed = estimate.dehaze(frame)
    torch.testing.assert_close(dehazed[..., :16], torch.full((1, 3, 64, 16), share * airlight), atol=1e-4, rtol=0)
    torch.testing.assert_close(estimate.transmission[..., 80:], torch.full((1, 1, 64, 16), RESTORED_FROM))


def test_every_weight_learns():
    torch.manual_seed(0)
    network = create_generator("fast", {"width": 4}).train()
    torch.nn.init.normal_(network.from_scene.weight, std=0.1)  # at 0 at first, so that only it learns in the first step
    estimate = network(torch.rand(2, 3, 64, 96))
    torch.stack([(plane * torch.rand_like(plane)).sum() for plane in estimate]).sum().backward()
    assert [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_unknown_option_is_refused():
    with pytest.raises(ConfigError, match="the generator 'fast' has no option finish; its options are width"):
        create_generator("fast", {"finish": "shuffle"})
