"""Planes that are known, found among outliers; least squares against NumPy's."""

import numpy as np
import pytest

from dfs_core.data.planes import Points, fit_planes

KNOWN = np.array([[0.5, -0.2, 3.0], [0.0, 0.0, 7.0], [-0.03, 0.4, 100.0]])


def points_on(planes, each, rng):
    group = np.repeat(np.arange(len(planes)), each)
    x, y = rng.integers(0, 40, (2, group.size)).astype(float)
    a, b, c = planes[group].T
    order = rng.permutation(group.size)
    return Points(group[order], x[order], y[order], (a * x + b * y + c)[order], len(planes))


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_planes_are_found_in_spite_of_outliers(share):
    rng = np.random.default_rng(0)
    points = points_on(KNOWN, 200, rng)
    wrong = rng.random(points.z.size) < share
    points.z[wrong] += rng.uniform(5.0, 90.0, wrong.sum())
    fitted = fit_planes(points, np.full(3, 0.1), rng)
    np.testing.assert_allclose(fitted, KNOWN, atol=2e-4)


def test_noise_is_averaged_by_least_squares():
    rng = np.random.default_rng(1)
    points = points_on(KNOWN[:1], 300, rng)
    points.z[:] += rng.normal(0.0, 0.1, points.z.size)
    fitted = fit_planes(points, np.full(1, 10.0), rng)  # all points are near
    expected = np.linalg.lstsq(np.column_stack((points.x, points.y, np.ones(300))), points.z)[0]
    np.testing.assert_allclose(fitted[0], expected, atol=1e-5)


def test_points_on_a_line_give_a_plane_through_them():
    x = np.arange(10.0)
    fitted = fit_planes(
        Points(np.zeros(10, np.intp), x, np.zeros(10), 2 * x + 1, 1), np.full(1, 0.1), np.random.default_rng(0)
    )
    assert np.isfinite(fitted).all()


def test_single_point_gives_a_level_plane():
    point = Points(np.zeros(1, np.intp), np.array([3.0]), np.array([4.0]), np.array([5.0]), 1)
    np.testing.assert_allclose(fit_planes(point, np.full(1, 0.1), np.random.default_rng(0)), [[0.0, 0.0, 5.0]])
