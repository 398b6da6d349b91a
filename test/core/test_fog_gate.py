"""The fog gate against sequences of attenuations."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfs_core.fog_gate import FogGate

BETAS = st.lists(st.floats(0.0, 0.02) | st.just(math.nan), max_size=30)


def answers(attenuations: list[float], *, opens_at: float = 0.003, hysteresis: float = 0.8) -> list[bool]:
    gate = FogGate()
    return [gate(attenuation, opens_at=opens_at, hysteresis=hysteresis) for attenuation in attenuations]


def test_fog_that_sways_at_the_threshold_switches_once() -> None:
    assert answers([0.0029, 0.0031, 0.0029, 0.0031, 0.0025, 0.003]) == [False, True, True, True, True, True]
    assert answers([0.0029, 0.0031, 0.0029, 0.0031], hysteresis=1.0) == [False, True, False, True]


def test_it_closes_below_the_lower_threshold_and_opens_only_at_the_upper_one() -> None:
    assert answers([0.01, 0.0023, 0.0029, 0.003]) == [True, False, False, True]


def test_at_0_every_frame_is_dehazed() -> None:
    assert answers([0.0, 0.1, 0.0], opens_at=0.0) == [True, True, True]


def test_an_attenuation_that_is_not_known_opens_it() -> None:
    assert answers([math.nan, 0.0029, 0.0]) == [True, True, False]


def test_thresholds_may_change_while_it_is_open() -> None:
    gate = FogGate()
    assert gate(0.004, opens_at=0.003, hysteresis=0.5)
    assert not gate(0.004, opens_at=0.01, hysteresis=0.5)


@given(BETAS, st.floats(0.0, 1.0))
def test_it_never_passes_fog_above_the_threshold_nor_dehazes_what_is_clearer_than_both(
    attenuations: list[float], hysteresis: float
) -> None:
    for attenuation, is_open in zip(attenuations, answers(attenuations, hysteresis=hysteresis), strict=True):
        if attenuation >= 0.003:
            assert is_open
        if attenuation < 0.003 * hysteresis:
            assert not is_open


@pytest.mark.parametrize("opens_at", [0.001, 0.01])
@given(attenuations=BETAS)
def test_without_hysteresis_it_is_a_threshold(opens_at: float, attenuations: list[float]) -> None:
    found = answers(attenuations, opens_at=opens_at, hysteresis=1.0)
    assert found == [not attenuation < opens_at for attenuation in attenuations]
