"""The Poisson bootstrap against the plain one, which draws whole pictures with replacement."""

import numpy as np
import pytest

from dfs_core.metrics.bootstrap import Bootstrap, interval


def fill(vectors, *, indices=None, draws=1000, seed=0):
    bootstrap = Bootstrap(vectors.shape[1], draws=draws, seed=seed)
    for index, vector in zip(range(len(vectors)) if indices is None else indices, vectors, strict=True):
        bootstrap.add(index, vector)
    return bootstrap


@pytest.fixture(scope="module")
def pictures():
    """Hits and unions of two methods on 300 pictures, the second a little better on each, [2, 300, 2]."""
    rng = np.random.default_rng(0)
    union = rng.integers(500, 5000, 300).astype(float)
    hits = rng.beta(6, 4, 300) * union
    better = np.minimum(hits + 0.02 * union * rng.random(300), union)
    return np.stack([np.stack([hits, union], axis=1), np.stack([better, union], axis=1)])


def test_first_row_is_the_plain_sum(pictures):
    bootstrap = fill(pictures[0])
    np.testing.assert_allclose(bootstrap.sums[0], pictures[0].sum(axis=0))
    assert bootstrap.sums.shape == (1001, 2)
    assert bootstrap.pictures == 300


def test_interval_is_that_of_the_plain_bootstrap(pictures):
    rng = np.random.default_rng(1)
    drawn = rng.multinomial(300, np.full(300, 1 / 300), 4000) @ pictures[0]
    expected = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    sums = fill(pictures[0], draws=4000).sums
    low, high = interval(sums[:, 0] / sums[:, 1])
    assert expected[1] - expected[0] == pytest.approx(0.036, abs=0.01)
    assert (low, high) == pytest.approx(tuple(expected), abs=0.1 * (expected[1] - expected[0]))


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    covered = 0
    for run in range(200):
        values = rng.normal(5.0, 2.0, 80)
        sums = fill(np.stack([values, np.ones(80)], axis=1), draws=300, seed=run).sums
        low, high = interval(sums[:, 0] / sums[:, 1], 0.9)
        covered += low <= 5.0 <= high
    assert 0.82 <= covered / 200 <= 0.96


def test_methods_share_their_draws(pictures):
    first, second = (fill(method).sums for method in pictures)
    first, second = first[:, 0] / first[:, 1], second[:, 0] / second[:, 1]
    together = interval(second - first)
    assert together[0] > 0.0  # better on every picture, hence in every draw
    assert interval(second)[0] < interval(first)[1]  # which intervals of their own cannot tell
    assert together[1] - together[0] < 0.2 * (interval(first)[1] - interval(first)[0])


def test_draws_do_not_depend_on_the_order_of_the_pictures(pictures):
    order = np.random.default_rng(3).permutation(300)
    shuffled = fill(pictures[0][order], indices=order.tolist())
    np.testing.assert_allclose(shuffled.sums, fill(pictures[0]).sums, rtol=1e-12)


def test_draws_follow_from_the_seed(pictures):
    assert (fill(pictures[0]).sums == fill(pictures[0]).sums).all()
    other = fill(pictures[0], seed=1).sums
    assert (other[0] == fill(pictures[0]).sums[0]).all()
    assert (other[1:] != fill(pictures[0]).sums[1:]).any(axis=1).mean() > 0.99


def test_draws_take_pictures_once_on_average():
    bootstrap = fill(np.eye(4), draws=20000)
    np.testing.assert_allclose(bootstrap.sums[1:].mean(axis=0), 1.0, atol=0.03)
    np.testing.assert_allclose(np.cov(bootstrap.sums[1:], rowvar=False), np.eye(4), atol=0.04)


def test_interval_by_hand():
    values = np.array([999.0, *np.arange(101.0)])  # the first is the figure itself, no draw
    assert interval(values, 0.9) == pytest.approx((5.0, 95.0))
    assert interval(np.array([999.0, np.nan, 3.0, np.nan]), 0.9) == (3.0, 3.0)


@pytest.mark.parametrize("values", [[0.5], [0.5, np.nan, np.nan]])
def test_interval_without_a_defined_draw_is_none(values):
    assert interval(np.array(values)) is None
