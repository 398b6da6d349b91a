"""The fog model against closed forms and figures of the literature."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dfs_core import optics
from dfs_core.errors import FogError

shares = st.floats(0.0, 1.0, width=32)


@pytest.mark.parametrize(
    ("mor_m", "attenuation"),
    [  # Foggy Cityscapes calls these "nearly 600 m, 300 m, 150 m"
        (600.0, 0.005),
        (300.0, 0.01),
        (150.0, 0.02),
    ],
)
def test_visibility_of_foggy_cityscapes(mor_m, attenuation):
    assert optics.attenuation_from_mor(mor_m) == pytest.approx(attenuation, rel=0.002)


def test_contrast_at_the_optical_range_is_5_percent():
    mor_m = np.float32(87.0)
    share = optics.transmission(np.array([[mor_m]]), attenuation=optics.attenuation_from_mor(87.0))
    assert share[0, 0] == pytest.approx(0.05, rel=1e-5)


def test_clear_air_has_no_end():
    assert optics.attenuation_from_mor(math.inf) == 0.0
    assert optics.mor_from_attenuation(0.0) == math.inf


@given(st.floats(1e-3, 1e6))
def test_mor_and_attenuation_undo_each_other(mor_m):
    assert optics.mor_from_attenuation(optics.attenuation_from_mor(mor_m)) == pytest.approx(mor_m, rel=1e-12)


@pytest.mark.parametrize("mor_m", [0.0, -5.0, math.nan])
def test_a_visibility_that_cannot_be_is_refused(mor_m):
    with pytest.raises(FogError, match=f"must be above 0 m, not {mor_m}"):
        optics.attenuation_from_mor(mor_m)


@pytest.mark.parametrize("attenuation", [-0.1, math.nan])
def test_an_attenuation_that_cannot_be_is_refused(attenuation):
    with pytest.raises(FogError, match=f"must be at least 0 per metre, not {attenuation}"):
        optics.mor_from_attenuation(attenuation)


def test_rays_of_a_3_4_5_triangle():
    """At 3 pixels from the centre with a focal length of 4, the ray is 5/4 of the depth."""
    depth = np.full((1, 7), 8.0, np.float32)
    length = optics.ray_length(depth, focal_px=4.0)
    assert length.dtype == np.float32
    np.testing.assert_allclose(length[0, [0, 3, 6]], [10.0, 8.0, 10.0])


def test_rays_from_a_given_centre():
    depth = np.full((5, 5), 2.0, np.float32)
    length = optics.ray_length(depth, focal_px=1.0, center_px=(0.0, 0.0))
    np.testing.assert_allclose(length[2, 2], 2.0 * 3.0)  # sqrt(1 + 4 + 4) = 3


def test_the_sky_stays_endless():
    depth = np.array([[np.inf, 1.0]], np.float32)
    assert np.isinf(optics.ray_length(depth, focal_px=100.0)[0, 0])


@given(arrays.arrays(np.float32, (3, 4), elements=st.floats(0.5, 1000.0, width=32)), st.floats(1.0, 5000.0))
def test_a_ray_is_never_shorter_than_the_depth(depth, focal_px):
    assert (optics.ray_length(depth, focal_px=focal_px) >= depth).all()


@pytest.mark.parametrize("focal_px", [0.0, -1.0, math.nan])
def test_a_lens_without_focal_length_is_refused(focal_px):
    with pytest.raises(FogError, match="focal length must be above 0"):
        optics.ray_length(np.ones((2, 2), np.float32), focal_px=focal_px)


def test_depth_of_another_shape_is_refused():
    with pytest.raises(FogError, match=r"depth must be \[H, W\], not \[2, 2, 1\]"):
        optics.ray_length(np.ones((2, 2, 1), np.float32), focal_px=1.0)


def test_transmission_in_closed_form():
    length = np.array([[0.0, 50.0, 100.0, np.inf]], np.float32)
    share = optics.transmission(length, attenuation=0.02)
    assert share.dtype == np.float32
    np.testing.assert_allclose(share, [[1.0, 0.36787944, 0.13533528, 0.0]], rtol=1e-6)


def test_without_fog_even_the_sky_is_seen():
    share = optics.transmission(np.array([[3.0, np.inf]], np.float32), attenuation=0.0)
    np.testing.assert_array_equal(share, 1.0)


def test_attenuation_may_differ_from_ray_to_ray():
    length = np.array([[100.0, 100.0, np.inf]], np.float32)
    share = optics.transmission(length, attenuation=np.array([[0.0, 0.01, 0.0]], np.float32))
    np.testing.assert_allclose(share, [[1.0, math.exp(-1.0), 1.0]], rtol=1e-6)


@given(st.floats(0.0, 1.0), st.floats(0.0, 200.0), st.floats(0.0, 200.0))
def test_transmission_along_a_ray_is_the_product_of_its_parts(attenuation, first, second):
    share = optics.transmission(np.array([[first, second, first + second]], np.float32), attenuation=attenuation)[0]
    assert share[2] == pytest.approx(share[0] * share[1], rel=1e-4, abs=1e-30)


@pytest.mark.parametrize("attenuation", [-0.01, math.inf, math.nan])
def test_transmission_of_impossible_fog_is_refused(attenuation):
    with pytest.raises(FogError, match="attenuation must be finite and at least 0"):
        optics.transmission(np.ones((1, 1), np.float32), attenuation=attenuation)


@pytest.mark.parametrize("length", [-1.0, math.nan])
def test_transmission_along_an_impossible_ray_is_refused(length):
    with pytest.raises(FogError, match="ray lengths must be at least 0"):
        optics.transmission(np.array([[1.0, length]], np.float32), attenuation=0.01)


def test_fog_by_hand():
    clear = np.array([[[0.2, 0.4, 0.6]]], np.float32)
    hazy = optics.add_fog(clear, np.array([[0.25]], np.float32), np.array([0.8, 0.8, 1.0], np.float32))
    assert hazy.dtype == np.float32
    np.testing.assert_allclose(hazy, [[[0.65, 0.7, 0.9]]], rtol=1e-6)  # 0.2/4 + 0.8·3/4 = 0.65 …


def test_nothing_is_seen_of_what_is_infinitely_far():
    clear = np.random.default_rng(0).random((2, 3, 3), np.float32)
    airlight = np.array([0.7, 0.8, 0.9], np.float32)
    hazy = optics.add_fog(clear, np.zeros((2, 3), np.float32), airlight)
    np.testing.assert_allclose(hazy, np.broadcast_to(airlight, hazy.shape), atol=1e-7)


@given(
    arrays.arrays(np.float32, (4, 5, 3), elements=shares),
    arrays.arrays(np.float32, (4, 5), elements=st.floats(0.125, 1.0, width=32)),
    arrays.arrays(np.float32, st.sampled_from([(3,), (4, 5, 3)]), elements=shares),
)
def test_removing_the_fog_that_was_added_returns_the_picture(clear, transmission, airlight):
    hazy = optics.add_fog(clear, transmission, airlight)
    assert hazy.min() >= -1e-6
    assert hazy.max() <= 1.0 + 1e-6
    np.testing.assert_allclose(optics.remove_fog(hazy, transmission, airlight), clear, atol=1e-5)


def test_where_too_little_light_is_left_some_fog_stays():
    """With t = 0.05 and t0 = 0.1 half of the contrast comes back: A + (J - A) · 0.5."""
    clear, airlight = np.zeros((1, 1, 3), np.float32), np.ones(3, np.float32)
    transmission = np.array([[0.05]], np.float32)
    hazy = optics.add_fog(clear, transmission, airlight)
    np.testing.assert_allclose(optics.remove_fog(hazy, transmission, airlight), 0.5, rtol=1e-5)


@pytest.mark.parametrize("least", [0.0, -0.1, 1.1, math.nan])
def test_a_least_transmission_without_sense_is_refused(least):
    picture = np.zeros((1, 1, 3), np.float32)
    with pytest.raises(FogError, match=r"min_transmission must be in \(0, 1\]"):
        optics.remove_fog(picture, np.ones((1, 1), np.float32), np.ones(3, np.float32), min_transmission=least)
