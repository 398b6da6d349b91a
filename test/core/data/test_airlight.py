"""The airlight of hand-made pictures."""

import numpy as np
import pytest

from dfs_core.data.airlight import estimate_airlight


def test_it_is_the_pixel_of_median_grey_where_the_dark_channel_is_brightest():
    image = np.full((100, 100, 3), (10, 20, 30), np.uint8)
    image[40:55, 40:65] = (200, 210, 220)
    # A 15x15 window fits the bright block at 11 places, row 47, and 0.1 % of 10,000 pixels, made odd, are 11.
    reds = np.array([236, 204, 212, 240, 228, 208, 232, 216, 224, 244, 220], np.uint8)
    image[47, 47:58, 0] = reds
    assert estimate_airlight(image) == pytest.approx((np.median(reds) / 255, 210 / 255, 220 / 255))


def test_small_bright_things_are_not_the_sky():
    image = np.full((100, 100, 3), (120, 130, 140), np.uint8)
    image[20:30, 20:30] = 255  # smaller than the window
    red, green, blue = estimate_airlight(image)
    assert (red, green, blue) != (1.0, 1.0, 1.0)
    assert blue == pytest.approx(140 / 255)


def test_saturated_colour_is_not_bright_in_the_dark_channel():
    image = np.full((60, 60, 3), (90, 90, 90), np.uint8)
    image[:, 30:] = (255, 0, 0)
    assert estimate_airlight(image) == pytest.approx((90 / 255,) * 3)


def test_image_of_one_colour_gives_that_colour():
    assert estimate_airlight(np.full((4, 4, 3), (1, 2, 3), np.uint8)) == pytest.approx((1 / 255, 2 / 255, 3 / 255))
