"""The networks that ship: ranges, first weights and sizes; and how networks are asked for."""

import importlib
import inspect

import pytest
import torch

from dfs_core.errors import ConfigError
from dfs_core.labels import CAMVID_11
from dfs_core.models import GENERATORS, PRETRAINED, SEGMENTERS, create_generator, create_segmenter
from dfs_core.models.estimate import FogEstimate
from dfs_core.models.fast import MIN_TRANSMISSION


@pytest.fixture(scope="module")
def frames():
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def test_generator_stays_in_its_ranges(frames):
    fog = create_generator("fast").eval()(frames)
    assert fog.transmission.shape == (2, 1, 64, 96)
    assert fog.transmission.min() >= MIN_TRANSMISSION
    assert fog.transmission.max() <= 1.0
    assert fog.airlight.shape == (2, 3, 1, 1)
    assert 0.0 <= fog.airlight.min() <= fog.airlight.max() <= 1.0
    assert fog.attenuation.shape == (2,)
    assert ((fog.attenuation > 1e-4) & (fog.attenuation < 1.0)).all()


def test_restoration_inverts_koschmieder(frames):
    share = torch.full((2, 1, 64, 96), 0.4)
    even = torch.tensor([0.7, 0.8, 0.9]).view(1, 3, 1, 1).expand(2, 3, 1, 1)
    for airlight in (even, even * torch.linspace(0.5, 1.0, 96)):
        hazy = frames * share + airlight * (1 - share)
        restoration = FogEstimate(share, airlight, torch.zeros(2)).restoration()
        torch.testing.assert_close(restoration[:, :1] * hazy + restoration[:, 1:4], frames, atol=1e-5, rtol=1e-5)


def test_restoration_tells_what_it_was_made_from(frames):
    share, airlight = frames[:, :1].clamp(min=0.2), torch.tensor([0.6, 0.8, 0.7]).view(1, 3, 1, 1)
    told = FogEstimate(share, airlight, torch.zeros(2)).restoration()[:, 4:]
    torch.testing.assert_close(told, torch.cat([share, torch.full_like(share, 0.7)], dim=1))


def test_restoration_amplifies_wide_differences_of_colour_less_than_of_luminance(frames):
    airlight = torch.tensor([0.7, 0.8, 0.9]).view(1, 3, 1, 1)
    luminance = frames.mean(dim=1, keepdim=True)
    share, all_noise = torch.full((2, 1, 64, 96), 0.25), torch.zeros(2, 1, 64, 96)
    color = frames - luminance
    found = FogEstimate(share, airlight, torch.zeros(2), base=luminance, color=color, detail=all_noise).dehaze(frames)
    torch.testing.assert_close(found.mean(dim=1, keepdim=True), 4.0 * (luminance - 0.8) + 0.8, atol=1e-5, rtol=0)
    found_color = found - found.mean(dim=1, keepdim=True)
    expected = airlight - 0.8 + 2.0 * (color - (airlight - 0.8))
    torch.testing.assert_close(found_color, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("detail", "times"), [(1.0, 4.0), (0.5, 2.0), (0.0, 1.0)])
def test_restoration_amplifies_what_is_beyond_the_base_as_far_as_it_is_no_noise(frames, detail, times):
    airlight, base = torch.full((1, 3, 1, 1), 0.8), torch.full((2, 1, 64, 96), 0.5)
    share, no_noise = torch.full((2, 1, 64, 96), 0.25), torch.full((2, 1, 64, 96), detail)
    color = torch.zeros(2, 3, 64, 96)
    found = FogEstimate(share, airlight, torch.zeros(2), base=base, color=color, detail=no_noise).dehaze(frames)
    torch.testing.assert_close(found, 0.8 + 4.0 * (base - 0.8) + times * (frames - base), atol=1e-5, rtol=0)


def test_restoration_of_thin_fog_amplifies_all_alike(frames):
    airlight = torch.tensor([0.7, 0.8, 0.9]).view(1, 3, 1, 1)
    plain = FogEstimate(torch.full((2, 1, 64, 96), 0.6), airlight, torch.zeros(2))
    based = plain._replace(base=frames[:, :1], color=frames, detail=torch.ones(2, 1, 64, 96))
    torch.testing.assert_close(based.dehaze(frames), plain.dehaze(frames))


@pytest.mark.parametrize(
    "make",
    [
        lambda options: create_segmenter("lite", CAMVID_11, options),
        lambda options: create_generator("fast", options).scene,
    ],
    ids=["lite", "fast"],
)
def test_pretrained_encoder_is_not_random(make):
    pretrained, random = (make({"pretrained": value}) for value in (True, False))
    assert not torch.equal(pretrained.stem[0].weight, random.stem[0].weight)
    assert pretrained.stem[1].running_var.std() > 0.1  # statistics of real images


def test_shipped_networks_stay_small():
    parameters = sum(
        parameter.numel()
        for network in (create_generator("fast"), create_segmenter("lite", CAMVID_11, {"pretrained": False}))
        for parameter in network.parameters()
    )
    assert parameters * 4 < 8e6


def test_unknown_network_is_named():
    with pytest.raises(ConfigError, match="no generator 'fats'; choose one of fast, resnet_9blocks, unet_256"):
        create_generator("fats")


def test_unknown_option_is_named_with_the_known_ones():
    with pytest.raises(ConfigError, match="'resnet_9blocks' has no option depth; its options are filters, blocks"):
        create_generator("resnet_9blocks", {"depth": 9})


@pytest.mark.parametrize("name", sorted(PRETRAINED))
def test_network_can_be_kept_from_other_peoples_weights(name):
    module, _, attribute = (GENERATORS | SEGMENTERS)[name].partition(":")
    network = getattr(importlib.import_module(f"dfs_core.models.{module}"), attribute)
    assert set(PRETRAINED[name]) <= set(inspect.signature(network).parameters)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 0}, "width of the segmenter 'unet' must be a whole number from 1 on, not 0"),
        ({"width": "abc"}, "width of the segmenter 'unet' must be a whole number from 1 on, not 'abc'"),
        ({"width": True}, "width of the segmenter 'unet' must be a whole number from 1 on, not True"),
    ],
)
def test_option_of_another_kind_is_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        create_segmenter("unet", CAMVID_11, options)


def test_option_that_is_a_switch_takes_no_words():
    with pytest.raises(ConfigError, match="pretrained of the segmenter 'lite' must be bool, not 'no'"):
        create_segmenter("lite", CAMVID_11, {"pretrained": "no"})
