"""No-reference figures of hand-made pictures whose answers are known."""

import numpy as np
import pytest

from dfs_core import optics
from dfs_core.errors import FrameError
from dfs_core.metrics.visibility import compare, contrast


def grey(luminance):
    return np.repeat(np.asarray(luminance, np.uint8)[..., None], 3, axis=2)


def chequers(dark, light, *, cell=16, size=(96, 128)):
    rows, columns = np.indices(size)
    return grey(np.where((rows // cell + columns // cell) % 2, light, dark))


def test_contrast_is_the_spread_of_luminance():
    assert contrast(chequers(51, 153)) == pytest.approx(0.2)  # half the pixels 0.2, half 0.6
    assert contrast(grey(np.full((5, 5), 80))) == 0.0


def test_a_picture_beside_itself_changed_in_nothing():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    same = compare(picture, picture)
    assert same.edges_before == same.edges_after > 0.0
    assert same.new_edges == same.saturated == same.blackened == same.blown == 0.0
    assert same.reversed == 0.0
    assert same.gradient_gain == pytest.approx(1.0)
    assert same.cast is None or same.cast == 0.0


@pytest.mark.parametrize("scale", [2, 3])
def test_gradient_gain_is_the_scale_of_the_contrast(scale):
    luminance = np.random.default_rng(0).integers(100, 120, (60, 60))
    before, after = grey(luminance), grey(110 + scale * (luminance - 110))
    assert compare(before, after).gradient_gain == pytest.approx(scale, rel=1e-5)


def test_an_offset_leaves_gradients_but_hides_edges():
    found = compare(chequers(40, 44), chequers(140, 144))  # 9 % of 44, 3 % of 144
    assert found.edges_before > 0.0
    assert found.edges_after == 0.0
    assert found.new_edges == -1.0
    assert found.gradient_gain is None
    back = compare(chequers(140, 144), chequers(40, 44))
    assert back.gradient_gain == pytest.approx(1.0)


def test_new_edges_are_counted_in_proportion():
    before, after = np.full((40, 64), 100, np.uint8), np.full((40, 64), 100, np.uint8)
    before[:, 20:] = 150
    after[:, 20:] = 150
    after[:, 42:] = 220
    found = compare(grey(before), grey(after))
    assert found.edges_before == 80 / 2560
    assert found.edges_after == 160 / 2560
    assert found.new_edges == 1.0


def test_where_nothing_was_visible_before_there_is_no_rate():
    found = compare(grey(np.full((32, 32), 100)), chequers(60, 90, size=(32, 32)))
    assert found.new_edges is None
    assert found.gradient_gain is None  # all ratios are infinite


def test_what_became_black_or_white_is_counted_and_what_was_is_not():
    before, after = grey(np.full((10, 10), 128)), grey(np.full((10, 10), 128))
    before[0] = 0
    after[0] = 0
    after[1, :5] = 0  # black and saturated
    after[2, :7] = 5  # black, not saturated
    before[3] = 255
    after[3] = 255
    after[4, :2] = 255
    after[5, :3] = (255, 250, 200)  # one channel is not white
    found = compare(before, after)
    assert found.saturated == pytest.approx(0.07)
    assert found.blackened == pytest.approx(0.12)
    assert found.blown == pytest.approx(0.02)


def test_cast_is_the_shift_of_grey_in_the_a_b_plane():
    before = grey(np.full((20, 20), 119))
    after = np.full((20, 20, 3), (140, 110, 119), np.uint8)
    # CIELAB of sRGB (140, 110, 119) at D65, by scikit-image: a = 13.38, b = -0.44.
    assert compare(before, after).cast == pytest.approx(np.hypot(13.38, 0.44), abs=0.8)  # steps of one in a and b


def test_colours_that_come_out_of_the_fog_are_no_cast():
    before, after = grey(np.full((20, 20), 120)), grey(np.full((20, 20), 90))
    before[:10] = (60, 120, 60)
    after[:10] = (0, 120, 0)
    assert compare(before, after).cast == pytest.approx(0.0, abs=0.1)


def test_of_a_picture_without_grey_nothing_is_said_about_a_cast():
    assert compare(np.full((20, 20, 3), (200, 40, 40), np.uint8), grey(np.full((20, 20), 90))).cast is None


def test_slopes_that_rise_the_other_way_are_reversed():
    before = np.tile(np.arange(20, 20 + 2 * 64, 2), (60, 1))
    after = before.copy()
    after[:20] = after[:20, ::-1]
    # At the seam, two rows high, a third is steeper than the rest and points down or up: not more than 90 degrees off.
    assert compare(grey(before), grey(after)).reversed == pytest.approx(1 / 3, abs=2 / 60)
    assert compare(grey(before), grey(before // 2)).reversed == 0.0


def test_texture_is_no_halo_however_it_turns():
    texture = np.random.default_rng(0).integers(-4, 5, (480, 2048))
    slope = 160 * np.abs(np.linspace(-2, 2, 2048) % 2 - 1)  # 2.5 levels a coarse pixel, and half of it in fog
    assert compare(grey(60 + slope / 2 + texture), grey(30 + slope - texture)).reversed == 0.0


def test_a_rim_of_fog_that_was_left_is_found():
    before = np.tile(np.linspace(250, 50, 120)[:, None], (1, 256))
    after = 250 - 1.25 * (250 - before)
    after[-4:] = before[-4:]
    assert compare(grey(before), grey(after)).reversed == pytest.approx(2 / 120, abs=1 / 120)  # rows where it jumps up


def test_a_picture_without_slopes_has_none_to_reverse():
    assert compare(grey(np.full((20, 20), 90)), chequers(10, 90)[:20, :20]).reversed is None


def test_fog_hides_edges_and_its_removal_shows_them_again():
    rng = np.random.default_rng(0)
    clear = np.kron(rng.uniform(0.1, 0.9, (12, 16)), np.ones((8, 8))).astype(np.float32)[..., None].repeat(3, axis=2)
    share, airlight = np.full(clear.shape[:2], 0.2, np.float32), np.full(3, 0.85, np.float32)
    hazy = optics.add_fog(clear, share, airlight)
    seen, fogged = (np.rint(255 * picture).astype(np.uint8) for picture in (clear, hazy))
    again = np.rint(255 * optics.remove_fog(fogged / np.float32(255), share, airlight).clip(0, 1)).astype(np.uint8)
    lost, won = compare(seen, fogged), compare(fogged, again)
    assert lost.new_edges is not None
    assert lost.new_edges < 0.0 < won.new_edges
    assert won.gradient_gain == pytest.approx(5.0, rel=0.05)  # 1 / t
    assert won.reversed == 0.0


def test_pictures_of_two_shapes_are_refused():
    with pytest.raises(FrameError, match=r"one shape, not \[4, 4, 3\] before and \[4, 5, 3\] after"):
        compare(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))
