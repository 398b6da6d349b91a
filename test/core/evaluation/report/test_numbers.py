"""Numbers are printed as people read them."""

import math

import pytest

from dfs_core.evaluation.report.numbers import amount, figure, fixed, interval, percent
from dfs_core.evaluation.results import Column

PERCENT = Column("miou", "IoU", "", digits=1, scale=100.0)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.5725, "57.2"), (-0.004, "−0.4"), (-0.0001, "0.0"), (None, "–"), (math.nan, "–"), (math.inf, "∞")],
)
def test_a_figure_has_its_columns_digits_and_scale(value: float | None, words: str) -> None:
    assert figure(value, PERCENT) == words


@pytest.mark.parametrize(("value", "words"), [(0.123456, "0.1235"), (12.0, "12"), (-3.5, "−3.5"), (None, "–")])
def test_a_figure_without_a_column_has_four_digits_that_count(value: float | None, words: str) -> None:
    assert figure(value, None) == words


def test_minus_infinity_keeps_its_sign() -> None:
    assert fixed(-math.inf, 2) == "−∞"


@pytest.mark.parametrize(
    ("ends", "words"), [((0.5, 0.525), "[50.0, 52.5]"), ((None, 0.5), None), ((math.nan, 0.5), None), (None, None)]
)
def test_an_interval_needs_both_ends(ends: tuple[float | None, float | None] | None, words: str | None) -> None:
    assert interval(ends, PERCENT) == words


@pytest.mark.parametrize(("share", "words"), [(0.5, "+50 %"), (-0.2, "−20 %"), (0.001, "0 %"), (-0.001, "0 %")])
def test_a_share_has_its_sign(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (1761, "1.76 k"), (4652008, "4.65 M"), (49.6e9, "49.6 G"), (396e9, "396 G"), (999.9e6, "1.00 G"),
     (9.999e6, "10.0 M"), (None, "–")],
)  # fmt: skip
def test_an_amount_has_three_digits_and_a_prefix(count: float | None, words: str) -> None:
    assert amount(count) == words
