"""Fit a plane to each of many groups of points, in spite of outliers: RANSAC on all groups at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Points:
    """Points (x, y, z) in groups.

    Attributes:
        group: the group of each point, [N]; the groups are 0 to `groups` - 1.
        x, y, z: [N] each.
        groups: how many groups there are; each has a point.
    """

    group: Indices
    x: Floats
    y: Floats
    z: Floats
    groups: int

    def sum(self, values: Floats | NDArray[np.bool_]) -> Floats:
        """Return the sum of one value a point over each group, [groups]."""
        sums: Floats = np.bincount(self.group, values, minlength=self.groups).astype(np.float64, copy=False)
        return sums


def fit_planes(points: Points, tolerance: Floats, rng: np.random.Generator, *, rounds: int = 40) -> Floats:
    """Return the plane z = a x + b y + c of each group that has the most points near it, [groups, 3].

    Each round draws three points of each group; the points near the best plane of all rounds are fitted again by least
    squares. Forty rounds find a plane that half of the points lie on with a probability of 99.5 %.

    Args:
        points: what to fit.
        tolerance: distance in z within which a point is near its group's plane, [groups].
        rng: draws the points.
        rounds: how often.

    Source: M. Fischler, R. Bolles, "Random Sample Consensus", 1981.
    """
    order = np.argsort(points.group, kind="stable")
    sizes = np.bincount(points.group, minlength=points.groups)
    first = np.cumsum(sizes) - sizes
    best_count = np.full(points.groups, -1.0)
    near = np.zeros(points.z.shape, np.bool_)
    for _ in range(rounds):
        drawn = order[first + (rng.random((3, points.groups)) * sizes).astype(np.intp)]
        candidate = np.abs(heights(_through(points, drawn), points) - points.z) <= tolerance[points.group]
        count = points.sum(candidate)
        better = count > best_count
        best_count = np.where(better, count, best_count)
        near = np.where(better[points.group], candidate, near)
    return _least_squares(points, near.astype(np.float64))


def heights(planes: Floats, points: Points) -> Floats:
    """Return z of each point's plane at the point's (x, y), [N]."""
    a, b, c = planes.T
    return a[points.group] * points.x + b[points.group] * points.y + c[points.group]


def _through(points: Points, drawn: Indices) -> Floats:
    """Return the planes through three points each, [groups, 3]; level ones where the three are on a line."""
    (x, x1, x2), (y, y1, y2), (z, z1, z2) = points.x[drawn], points.y[drawn], points.z[drawn]
    determinant = (x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)
    plane = np.abs(determinant) > 1e-6
    scale = plane / np.where(plane, determinant, 1.0)
    a = ((z1 - z) * (y2 - y) - (z2 - z) * (y1 - y)) * scale
    b = ((x1 - x) * (z2 - z) - (x2 - x) * (z1 - z)) * scale
    return np.stack((a, b, z - a * x - b * y), axis=1)


def _least_squares(points: Points, weight: Floats) -> Floats:
    """Return the planes nearest to the points that have weight, [groups, 3]."""
    total = np.maximum(points.sum(weight), 1.0)
    mean_x, mean_y, mean_z = (points.sum(weight * values) / total for values in (points.x, points.y, points.z))
    x, y, z = points.x - mean_x[points.group], points.y - mean_y[points.group], points.z - mean_z[points.group]
    xx, xy, yy = points.sum(weight * x * x), points.sum(weight * x * y), points.sum(weight * y * y)
    xz, yz = points.sum(weight * x * z), points.sum(weight * y * z)
    xx, yy = xx + 1e-6 * total, yy + 1e-6 * total  # points on a line leave one slope open: it becomes 0
    determinant = xx * yy - xy * xy
    a, b = (xz * yy - yz * xy) / determinant, (yz * xx - xz * xy) / determinant
    return np.stack((a, b, mean_z - a * mean_x - b * mean_y), axis=1)
