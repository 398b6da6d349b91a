"""The dark channel prior undoes fog where the prior holds, and stays within its range where it does not."""

import numpy as np
import pytest

from dfs_core import optics
from dfs_core.errors import FrameError
from dfs_core.evaluation.methods.dark_channel import MIN_TRANSMISSION, OMEGA, DarkChannel

AIRLIGHT = np.array([200, 210, 220], np.float32) / 255


def scene():
    """Return a road scene whose patches all hold a pixel that is black in one channel, below a sky; [120, 160, 3]."""
    rng = np.random.default_rng(0)
    clear = rng.uniform(0.1, 0.9, (120, 160, 3)).astype(np.float32)
    rows, columns = np.mgrid[:120, :160]
    channel = rng.integers(0, 3, (120, 160))
    dark = (rows % 5 == 0) & (columns % 5 == 0)
    clear[rows[dark], columns[dark], channel[dark]] = 0.0
    clear[:40] = AIRLIGHT
    return clear


def hazy(clear, share):
    transmission = np.full(clear.shape[:2], share, np.float32)
    transmission[:40] = 0.0
    return np.rint(255 * optics.add_fog(clear, transmission, AIRLIGHT)).astype(np.uint8)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_even_fog_is_removed_by_the_papers_share(share):
    clear = scene()
    dehazed = DarkChannel()(hazy(clear, share)).dehazed / 255
    estimated = 1 - OMEGA * (1 - share)
    expected = np.clip(AIRLIGHT + (clear - AIRLIGHT) * share / estimated, 0, 1)
    below = np.s_[79:]  # out of reach of the sky: 7 pixels of the patch, and twice the filter's 16
    np.testing.assert_allclose(dehazed[below], expected[below], atol=0.012)  # two levels, magnified by 1 / t


def test_the_sky_keeps_its_colour():
    frame = hazy(scene(), 0.5)
    dehazed = DarkChannel()(frame).dehazed
    np.testing.assert_array_equal(dehazed[:25], frame[:25])


def test_what_is_brighter_than_the_airlight_ends_white_and_does_not_wrap_around():
    frame = hazy(scene(), 0.5)
    frame[10:14, 10:14] = (255, 250, 245)  # a lamp in the sky, smaller than a patch
    lamp = DarkChannel()(frame).dehazed[10:14, 10:14]
    expected = np.clip(AIRLIGHT + (frame[10, 10] / 255 - AIRLIGHT) / MIN_TRANSMISSION, 0, 1)
    assert expected.min() == 1.0
    np.testing.assert_array_equal(lamp, 255)


@pytest.mark.parametrize("color", [(0, 0, 0), (90, 90, 90), (255, 255, 255), (10, 200, 60)])
def test_a_frame_of_one_colour_is_all_airlight_and_stays(color):
    frame = np.full((30, 40, 3), color, np.uint8)
    np.testing.assert_array_equal(DarkChannel()(frame).dehazed, frame)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (3, 2), (16, 17)])
def test_tiny_frames_are_answered_at_their_size(size):
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    dehazed = DarkChannel()(frame).dehazed
    assert dehazed.shape == frame.shape
    assert dehazed.dtype == np.uint8


def test_the_frame_is_only_read():
    frame = hazy(scene(), 0.5)
    frame.setflags(write=False)
    before = frame.copy()
    DarkChannel()(frame)
    np.testing.assert_array_equal(frame, before)


def test_it_claims_no_density_no_mask_and_no_parameters():
    method = DarkChannel()
    answer = method(np.full((20, 20, 3), 90, np.uint8))
    assert answer.fog_density is None
    assert answer.mask is None
    assert method.expense(20, 20).parameters == 0


def test_its_key_holds_all_settings():
    for value in ("15", "0.95", "0.1", "0.001"):
        assert value in DarkChannel.key


@pytest.mark.parametrize("frame", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_another_kind_of_frame_is_refused(frame):
    with pytest.raises(FrameError, match=r"must be uint8 \[H, W, 3\].*not"):
        DarkChannel()(frame)
