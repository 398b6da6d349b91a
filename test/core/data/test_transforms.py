"""Views: every plane follows, nothing that is a number of something is blended, and no change is no change."""

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfs_core.data.sample import Sample
from dfs_core.data.transforms import View, relit
from dfs_core.errors import ConfigError

ONE = (1.0, 1.0)
UNLIT = View(size=(32, 48), brightness=ONE, contrast=ONE, saturation=ONE, tint=ONE)
SIDE = st.integers(8, 70)


def sample_of(height, width, seed=0):
    """Return a sample with all planes; each pixel of labels, rays and instances tells which block of four it is in."""
    rng = np.random.default_rng(seed)
    blocks = np.kron(np.arange(64 * 64).reshape(64, 64), np.ones((4, 4), np.int32))[:height, :width].astype(np.int32)
    return Sample(
        "street",
        rng.integers(0, 256, (height, width, 3), np.uint8),
        (blocks % 11).astype(np.uint8),
        ray_length=blocks.astype(np.float32) + 1.0,
        hazy=rng.integers(0, 256, (height, width, 3), np.uint8),
        attenuation=0.01,
        instances=blocks + 1,
    )


@settings(max_examples=60, deadline=None)
@given(
    SIDE, SIDE, st.tuples(SIDE, SIDE), st.floats(0.3, 3.0), st.booleans(), st.integers(0, 999)
)  # fmt: skip
def test_every_plane_has_the_size_asked_for_and_its_own_kind(height, width, size, scale, squash, seed):
    sample = sample_of(height, width)
    view = dataclasses.replace(UNLIT, size=size, scale=(scale, scale), squash=squash)
    drawn, _ = view.draw(sample, np.random.default_rng(seed))
    assert {plane.shape[:2] for plane in drawn.planes().values()} == {size}
    assert {name: plane.dtype for name, plane in drawn.planes().items()} == {
        name: plane.dtype for name, plane in sample.planes().items()
    }
    assert all(plane.flags["C_CONTIGUOUS"] for plane in drawn.planes().values())
    assert drawn.attenuation == 0.01


@settings(max_examples=60, deadline=None)
@given(SIDE, SIDE, st.tuples(SIDE, SIDE), st.floats(0.3, 3.0), st.booleans(), st.integers(0, 999))
def test_labels_instances_and_rays_are_never_blended_and_stay_together(height, width, size, scale, squash, seed):
    sample = sample_of(height, width)
    view = dataclasses.replace(UNLIT, size=size, scale=(scale, scale), squash=squash)
    drawn, _ = view.draw(sample, np.random.default_rng(seed))
    inside = drawn.instances > 0
    assert set(np.unique(drawn.instances[inside])) <= set(np.unique(sample.instances))
    np.testing.assert_array_equal(drawn.ray_length[inside], drawn.instances[inside])
    np.testing.assert_array_equal(drawn.labels[inside], (drawn.instances[inside] - 1) % 11)
    assert (drawn.labels[~inside] == 255).all()


@settings(max_examples=30, deadline=None)
@given(SIDE, SIDE, st.integers(0, 999))
def test_mirroring_twice_gives_the_sample_back(height, width, seed):
    sample = sample_of(height, width, seed)
    mirror = dataclasses.replace(UNLIT, size=(height, width), scale=ONE, mirror=1.0)
    once, _ = mirror.draw(sample, np.random.default_rng(seed))
    twice, _ = mirror.draw(once, np.random.default_rng(seed))
    for name, plane in sample.planes().items():
        np.testing.assert_array_equal(once.planes()[name], plane[:, ::-1])
        np.testing.assert_array_equal(twice.planes()[name], plane)


def test_share_of_mirrored_views_is_the_one_asked_for():
    sample = sample_of(32, 48)
    view = dataclasses.replace(UNLIT, scale=ONE, mirror=0.2)
    rng = np.random.default_rng(3)
    mirrored = sum(view.crop(sample, rng).instances[0, 0] != 1 for _ in range(1000))
    assert 160 < mirrored < 240  # 200 ± 3 standard deviations of 12.6


def test_whole_views_show_all_that_has_the_aspect_ratio():
    rows, columns = np.mgrid[:60, :80]
    sample = Sample(
        "street", np.zeros((60, 80, 3), np.uint8), np.zeros((60, 80), np.uint8), ray_length=columns + 100.0 * rows
    )
    view = dataclasses.replace(UNLIT, size=(30, 20), scale=(3.0, 3.0), whole=1.0, mirror=0.0)
    rng = np.random.default_rng(0)
    for seen in (view.crop(sample, rng).ray_length for _ in range(20)):
        assert np.ptp(seen[:, 0]) >= 5800.0 - 200.0, "the view does not show all of the picture's height"
        assert 37.0 <= np.ptp(seen[0]) <= 40.0, "the view shows more or less of the width than has its aspect ratio"


def test_share_of_whole_views_is_the_one_asked_for():
    sample = sample_of(60, 80)
    view = dataclasses.replace(UNLIT, size=(30, 40), scale=(2.0, 2.0), whole=0.3, mirror=0.0)
    rng = np.random.default_rng(1)
    whole = sum(len(np.unique(view.crop(sample, rng).ray_length)) > 200 for _ in range(400))
    assert 90 <= whole <= 150


def test_light_that_does_not_change_changes_nothing():
    sample = sample_of(60, 70)
    lit = relit(sample, UNLIT.light(sample, np.random.default_rng(0)))
    assert np.array_equal(lit.image, sample.image)
    assert np.array_equal(lit.hazy, sample.hazy)


def test_brightness_contrast_and_saturation_are_those_of_the_books():
    image = np.array([[[100, 50, 30], [60, 90, 150]]], np.uint8)
    sample = Sample("two pixels", image, np.zeros((1, 2), np.uint8))
    view = View(brightness=(1.2, 1.2), contrast=(0.5, 0.5), saturation=(0.4, 0.4), tint=ONE)
    paler = [[60 + 0.4 * 40, 60 - 0.4 * 10, 60 - 0.4 * 30], [100 - 0.4 * 40, 100 - 0.4 * 10, 100 + 0.4 * 50]]
    expected = 1.2 * (80 + 0.5 * (np.array([paler]) - 80))
    found = relit(sample, view.light(sample, np.random.default_rng(0))).image
    np.testing.assert_allclose(found, expected, atol=0.51)


def test_a_pair_under_another_light_is_still_a_pair():
    rng = np.random.default_rng(0)
    clear = rng.uniform(60, 180, (40, 40, 3))
    share, airlight = rng.uniform(0.2, 1.0, (40, 40, 1)), np.array([170.0, 175.0, 180.0])
    labels = np.zeros((40, 40), np.uint8)
    hazy = clear * share + airlight * (1 - share)
    view = View(brightness=(0.8, 1.1), contrast=(0.8, 1.1), saturation=(0.6, 1.2))
    pair = Sample("pair", np.rint(clear).astype(np.uint8), labels, hazy=np.rint(hazy).astype(np.uint8))
    lit = relit(pair, view.light(pair, rng))
    lit_airlight = (lit.hazy - lit.image * share)[share[..., 0] < 0.5] / (1 - share)[share[..., 0] < 0.5]
    assert lit_airlight.std(axis=0).max() < 1.5  # rounding, divided by 1 - t


def test_white_stays_white_under_every_light_where_that_was_asked_for():
    sky, road = (255, 254, 255), (90, 100, 110)
    image = np.array([[sky, road]], np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    street = Sample("street", image, np.zeros(image.shape[:2], np.uint8))
    darker = View(
        size=image.shape[:2], brightness=(0.6, 0.6), contrast=ONE, saturation=ONE, tint=ONE, whole=1.0, mirror=0.0
    )
    lit, light = dataclasses.replace(darker, keep_white=True).draw(street, np.random.default_rng(0))
    assert lit.image[0, 0].min() >= 249
    np.testing.assert_allclose(lit.image[0, -1], 0.6 * np.array(road), atol=0.51)
    told, told_light = darker.draw(street, np.random.default_rng(0))
    np.testing.assert_allclose(told.image[0, 0], 0.6 * np.array(sky), atol=0.51)
    np.testing.assert_array_equal(light, told_light)


def test_whites_of_a_pair_are_those_of_its_light():
    sample = sample_of(60, 70)
    view = View(size=(32, 48), brightness=(0.7, 0.7))
    plain, _ = view.draw(sample, np.random.default_rng(0))
    kept, _ = dataclasses.replace(view, keep_white=True).draw(sample, np.random.default_rng(0))
    assert np.array_equal(kept.image, plain.image)
    assert np.array_equal(kept.hazy, plain.hazy)


def test_validation_sees_the_whole_picture_as_it_is():
    sample = sample_of(40, 60)
    assert UNLIT.fixed(sample) is sample


def test_validation_is_squashed_as_training_is():
    sample = sample_of(40, 60)
    fixed = dataclasses.replace(UNLIT, squash=True).fixed(sample)
    assert {plane.shape[:2] for plane in fixed.planes().values()} == {(32, 48)}
    np.testing.assert_array_equal(fixed.image, cv2.resize(sample.image, (48, 32), interpolation=cv2.INTER_AREA))


def test_squashed_labels_lie_where_the_picture_is():
    labels = np.zeros((64, 64), np.uint8)
    labels[:, 29:] = 1
    image = np.repeat(labels[..., None] * 255, 3, axis=2)
    small = dataclasses.replace(UNLIT, size=(8, 8), squash=True).fixed(Sample("edge", image, labels))
    np.testing.assert_array_equal(small.labels, small.image[..., 0] > 127)


@pytest.mark.parametrize("share", ["mirror", "whole"])
def test_a_share_above_one_is_refused(share):
    with pytest.raises(ConfigError, match=rf"view\.{share} must be in \[0, 1\], not 1\.5"):
        View(**{share: 1.5})


def test_a_view_of_a_huge_scale_is_one_pixel_and_of_a_tiny_one_the_whole():
    sample = sample_of(60, 70)
    for scale in (1000.0, 0.001):
        part = View(size=(32, 48), scale=(scale, scale)).crop(sample, np.random.default_rng(0))
        assert part.image.shape == (32, 48, 3)
