"""Steadying over time, against the fog model in closed form."""

import numpy as np
import pytest

from dfs_core.runtime.steadying import Steadying

HEIGHT, WIDTH = 64, 96
DEPTH = np.linspace(0.2, 1.5, HEIGHT, dtype=np.float32)[:, None] * np.ones((1, WIDTH), np.float32)
SCENE = np.random.default_rng(0).uniform(0.1, 0.8, (HEIGHT, WIDTH)).astype(np.float32)


def planes(depth: np.ndarray = DEPTH, airlight: float = 0.8) -> np.ndarray:
    gain = np.exp(depth)
    return np.stack([gain, *[airlight * (1.0 - gain)] * 3]).astype(np.float32)


def steady(sequence: list[np.ndarray], *, step_s: float = 0.1, time_constant_s: float = 0.5) -> list[np.ndarray]:
    steadying = Steadying()
    return [
        steadying(planes, stamp_s=10.0 + step_s * number, time_constant_s=time_constant_s)
        for number, planes in enumerate(sequence)
    ]


def shown(restoration: np.ndarray, hazy: np.ndarray) -> np.ndarray:
    return restoration[0] * hazy + restoration[1]


def test_what_is_steady_stays_as_it_is() -> None:
    for found in steady([planes()] * 5):
        np.testing.assert_allclose(found, planes(), rtol=1e-4, atol=1e-5)


def test_an_exposure_that_alternates_flickers_less() -> None:
    exposures = [1.0, 1.04] * 10
    transmission = np.exp(-DEPTH)
    hazy = [exposure * (SCENE * transmission + 0.8 * (1.0 - transmission)) for exposure in exposures]
    single = [planes(airlight=0.8 * exposure) for exposure in exposures]
    means = [[float(shown(p, h).mean()) for p, h in zip(ps, hazy, strict=True)] for ps in (single, steady(single))]
    before, after = (np.abs(np.diff(values)).mean() for values in means)
    assert after < 0.3 * before


def test_a_transmission_that_alternates_flickers_less() -> None:
    single = [planes(DEPTH * level) for level in [1.0, 1.1] * 10]
    before, after = (np.abs(np.diff([p[0] for p in ps], axis=0)).mean() for ps in (single, steady(single)))
    assert after < 0.3 * before


def with_noise_left(level: float, exposure: float, hazy: np.ndarray, depth: np.ndarray = DEPTH) -> np.ndarray:
    """As the shipped generator does it: details amplified by less than 1 / t, the rest in the offset, and t told."""
    whole = planes(depth * level, airlight=0.8 * exposure)
    gain = 1.0 + 0.3 * (whole[0] - 1.0)
    offset = whole[1:] + (whole[0] - gain) * hazy
    return np.concatenate([gain[None], offset, np.exp(-depth * level)[None], np.full_like(offset[:1], 0.8 * exposure)])


@pytest.mark.parametrize(("levels", "exposures"), [([1.0, 1.06], [1.0, 1.0]), ([1.0, 1.0], [1.0, 1.04])])
def test_what_alternates_flickers_less_though_the_gain_is_not_what_the_transmission_asks_for(
    levels: list[float], exposures: list[float]
) -> None:
    transmission = np.exp(-DEPTH)
    hazy = [exposure * (SCENE * transmission + 0.8 * (1.0 - transmission)) for exposure in exposures] * 10
    single = [
        with_noise_left(level, exposure, frame)
        for level, exposure, frame in zip(levels * 10, exposures * 10, hazy, strict=True)
    ]
    means = [[float(shown(p, h).mean()) for p, h in zip(ps, hazy, strict=True)] for ps in (single, steady(single))]
    before, after = (np.abs(np.diff(values)).mean() for values in means)
    assert after < 0.3 * before


def test_what_the_coefficients_were_made_from_is_left_as_it_is() -> None:
    hazy = np.full_like(DEPTH, 0.6)
    single = [with_noise_left(level, 1.0, hazy) for level in (1.0, 1.1)]
    found = steady(single)[1]
    assert found.shape == single[1].shape
    np.testing.assert_array_equal(found[4:], single[1][4:])


def test_fog_that_lasts_is_followed() -> None:
    thicker = planes(DEPTH * 1.1, airlight=0.85)
    last = steady([planes()] + [thicker] * 40)[-1]
    np.testing.assert_allclose(last, thicker, rtol=1e-2, atol=1e-2)


def test_what_moves_leaves_no_ghost() -> None:
    """A near thing passes before the fog; where it was and is, each frame shows its own transmission alone."""
    sequence = []
    for number in range(6):
        depth = DEPTH.copy()
        depth[40:56, 8 * number : 8 * number + 16] = 0.15
        sequence.append(planes(depth))
    for found, single in zip(steady(sequence), sequence, strict=True):
        np.testing.assert_allclose(found, single, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("step_s", [-1.0, 0.0, 1.5, float("nan")])
def test_nothing_is_carried_over_a_jump_of_the_stamps(step_s: float) -> None:
    jumped = planes(DEPTH * 1.1, airlight=0.7)
    np.testing.assert_array_equal(steady([planes(), jumped], step_s=step_s)[1], jumped)


def test_nothing_is_carried_over_a_cut() -> None:
    other = planes(DEPTH[::-1].copy(), airlight=0.7)
    found = steady([planes()] * 3 + [other])
    np.testing.assert_array_equal(found[3], other)


def test_nothing_is_carried_over_a_change_of_size() -> None:
    other = planes(DEPTH[:32] * 1.05)
    np.testing.assert_array_equal(steady([planes(), other])[1], other)


def test_clear_frames_are_left_alone() -> None:
    clear = planes(np.full_like(DEPTH, 0.01))
    np.testing.assert_array_equal(steady([planes(DEPTH * 0.1), clear])[1], clear)


def test_the_coefficients_are_only_read() -> None:
    single = [planes(), planes(DEPTH * 1.1)]
    for one in single:
        one.setflags(write=False)
    assert steady(single)[1] is not single[1]
