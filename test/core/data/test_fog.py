"""Fog put into scenes, against Koschmieder's law written out by hand."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfs_core import optics
from dfs_core.data.fog import Fog, FogRange, apply_fog
from dfs_core.errors import FogError

IMAGE = np.random.default_rng(3).integers(0, 256, (24, 32, 3), np.uint8)
LENGTH = np.linspace(1.0, 200.0, 24 * 32, dtype=np.float32).reshape(24, 32)


def rng():
    return np.random.default_rng(0)


def test_pixel_by_hand():
    # J = 51/255 = 0.2, A = 0.8, β ℓ = 0.02 * 50 = 1: I = 0.2 / e + 0.8 (1 - 1 / e) = 0.57927 -> 148
    image = np.full((1, 1, 3), 51, np.uint8)
    scene = apply_fog(image, np.array([[50.0]], np.float32), Fog(0.02, airlight=(0.8, 0.8, 0.8)), rng())
    assert scene.hazy.tolist() == [[[148, 148, 148]]]
    assert scene.transmission[0, 0] == pytest.approx(np.exp(-1.0))


def test_no_attenuation_leaves_the_scene_alone():
    scene = apply_fog(IMAGE, LENGTH, Fog(0.0, unevenness=0.5), rng())
    np.testing.assert_array_equal(scene.hazy, IMAGE)
    np.testing.assert_array_equal(scene.clear, IMAGE)


def test_sky_takes_the_colour_of_the_airlight():
    scene = apply_fog(IMAGE, np.full((24, 32), np.inf, np.float32), Fog(0.01, airlight=(0.6, 0.7, 0.8)), rng())
    assert np.unique(scene.hazy.reshape(-1, 3), axis=0).tolist() == [[153, 178, 204]]


def test_removing_what_was_added_gives_the_scene_back():
    fog = Fog(0.01, airlight=(0.7, 0.75, 0.8))
    scene = apply_fog(IMAGE, LENGTH, fog, rng())
    hazy = scene.hazy.astype(np.float32) / 255
    clear = optics.remove_fog(hazy, scene.transmission, np.array(fog.airlight, np.float32), min_transmission=0.1)
    # hazy was rounded to bytes; its error of half a byte grows by 1 / t <= 1 / 0.135
    assert np.abs(clear * 255 - IMAGE).max() <= 0.5 / 0.135 + 1e-3


def test_uneven_fog_keeps_its_mean_density():
    length = np.full((240, 320), 100.0, np.float32)
    image = np.zeros((240, 320, 3), np.uint8)
    depths = [-np.log(apply_fog(image, length, Fog(0.01, unevenness=0.3), np.random.default_rng(n)).transmission)
              for n in range(20)]  # fmt: skip
    assert np.mean(depths) == pytest.approx(1.0, rel=0.1)
    assert np.std(depths) == pytest.approx(0.3, rel=0.35)


def test_uneven_airlight_is_what_the_sky_shows():
    fog = Fog(0.01, airlight=(0.5, 0.6, 0.8), airlight_unevenness=0.1)
    image, sky = np.zeros((240, 320, 3), np.uint8), np.full((240, 320), np.inf, np.float32)
    scenes = [apply_fog(image, sky, fog, np.random.default_rng(seed)) for seed in range(20)]
    for scene in scenes:
        expected = scene.glow[:, :, None] * np.array(fog.airlight)
        assert expected.max() <= 1.0
        assert np.abs(scene.hazy / 255 - expected).max() <= 0.51 / 255
    assert np.mean([scene.glow for scene in scenes]) == pytest.approx(1.0, rel=0.05)
    assert np.std([scene.glow for scene in scenes]) == pytest.approx(0.1, rel=0.35)


def test_even_airlight_glows_alike_everywhere():
    assert (apply_fog(IMAGE, LENGTH, Fog(0.02, unevenness=0.3), rng()).glow == 1.0).all()


def test_range_without_uneven_airlight_draws_the_fogs_that_it_always_drew():
    even, uneven = FogRange(), FogRange(airlight_unevenness=(0.05, 0.1))
    first, other, source = rng(), rng(), rng()
    assert even.draw(first) == dataclasses.replace(uneven.draw(other), airlight_unevenness=0.0)
    assert 0.05 <= uneven.draw(source).airlight_unevenness <= 0.1
    assert first.random() != other.random()  # one number more was drawn


def test_gamma_bends_hazy_and_clear_alike():
    scene = apply_fog(IMAGE, LENGTH, Fog(0.0, gamma=2.0), rng())
    expected = np.rint((IMAGE.astype(np.float64) / 255) ** 2 * 255)
    np.testing.assert_array_equal(scene.clear, expected)
    np.testing.assert_array_equal(scene.hazy, scene.clear)


def test_gains_fall_on_hazy_and_clear_alike():
    fog = Fog(0.01, gamma=1.2, gains=(0.5, 1.0, 1.5))
    scene, plain = apply_fog(IMAGE, LENGTH, fog, rng()), apply_fog(IMAGE, LENGTH, Fog(0.01), rng())
    for found, light in ((scene.clear, IMAGE / 255), (scene.hazy, plain.hazy / 255)):
        expected = 255 * np.minimum(light**1.2 * (0.5, 1.0, 1.5), 1.0)
        assert np.abs(found - expected).max() <= 1.5  # the hazy picture that it is compared with is rounded already


def test_drawn_gains_are_an_exposure_and_a_white_balance():
    where, source = FogRange(exposure=(0.5, 0.8), white_balance=0.1), rng()
    gains = np.array([where.draw(source).gains for _ in range(2000)])
    assert gains.min() >= 0.5 * np.exp(-0.1)
    assert gains.max() <= 0.8 * np.exp(0.1)
    assert np.median(gains, axis=0) == pytest.approx([0.65] * 3, abs=0.02)
    ratios = np.log(gains[:, 0] / gains[:, 1])  # of two independent balances: triangular from -0.2 to 0.2
    assert np.std(ratios) == pytest.approx(0.2 / np.sqrt(6), rel=0.1)


def test_range_without_gains_draws_the_fogs_that_it_always_drew():
    first, other = rng(), rng()
    fogs = FogRange().draw(first), FogRange(exposure=(0.5, 0.8)).draw(other)
    assert fogs[0].gains == (1.0, 1.0, 1.0)
    assert fogs[0] == dataclasses.replace(fogs[1], gains=fogs[0].gains)
    assert first.random() != other.random()  # numbers more were drawn


def test_ideal_share_of_the_draws_has_even_fog_and_a_camera_that_adds_nothing():
    where = FogRange(noise=(0.01, 0.02), exposure=(0.5, 0.8), airlight_unevenness=(0.05, 0.1), ideal_share=0.3)
    source = rng()
    fogs = [where.draw(source) for _ in range(2000)]
    ideal = [fog for fog in fogs if fog == Fog(fog.attenuation, fog.airlight)]
    assert len(ideal) == pytest.approx(600, rel=0.1)
    assert all(fog.noise > 0.0 and fog.airlight_unevenness > 0.0 for fog in fogs if fog not in ideal)


def test_noise_has_the_deviation_that_was_asked_for():
    image = np.full((200, 200, 3), 128, np.uint8)
    scene = apply_fog(image, np.ones((200, 200), np.float32), Fog(0.0, noise=0.02), rng())
    assert np.std(scene.hazy.astype(float)) == pytest.approx(0.02 * 255, rel=0.05)


def test_jpeg_costs_more_at_lower_quality():
    errors = [
        np.abs(apply_fog(IMAGE, LENGTH, Fog(0.01, jpeg_quality=quality), rng()).hazy.astype(int)
               - apply_fog(IMAGE, LENGTH, Fog(0.01), rng()).hazy).mean()
        for quality in (95, 60, 20)
    ]  # fmt: skip
    assert 0 < errors[0] < errors[1] < errors[2]


@given(st.integers(0, 10_000))
def test_draws_stay_in_their_range(seed):
    where = FogRange(mor_m=(40.0, 1000.0), clear_share=0.2)
    fog = where.draw(np.random.default_rng(seed))
    assert fog.attenuation == 0.0 or 0.002995 < fog.attenuation < 0.0749
    assert all(0.46 <= value <= 1.0 for value in fog.airlight)
    assert fog.jpeg_quality is None or 40 <= fog.jpeg_quality <= 95


def test_attenuation_is_drawn_log_uniformly():
    where = FogRange(mor_m=(40.0, 1000.0), clear_share=0.0)
    source = rng()
    logs = np.log([where.draw(source).attenuation for _ in range(2000)])
    middle = (np.log(0.002996) + np.log(0.0749)) / 2
    assert np.median(logs) == pytest.approx(middle, abs=0.1)


def test_same_seed_same_fog():
    fog = Fog(0.02, unevenness=0.3, noise=0.01, jpeg_quality=70)
    first, second = (apply_fog(IMAGE, LENGTH, fog, np.random.default_rng(5)) for _ in range(2))
    for name in (entry.name for entry in dataclasses.fields(first)):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"attenuation": -0.1}, "at least 0 per metre, not -0.1"),
        ({"attenuation": float("nan")}, "must be finite"),
        ({"attenuation": 0.1, "airlight": (1.2, 0.5, 0.5)}, r"airlight must be in \[0, 1\]"),
        ({"attenuation": 0.1, "gains": (1.0, 0.0, 1.0)}, r"gains must be finite and above 0"),
        ({"attenuation": 0.1, "jpeg_quality": 0}, "JPEG quality must be 1 to 100, not 0"),
    ],
)
def test_unphysical_fog_is_refused(values, words):
    with pytest.raises(FogError, match=words):
        Fog(**values)
