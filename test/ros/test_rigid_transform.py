"""Rigid transforms: the turns that quaternions are known for, and words for what is none."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfs_core.errors import ConfigError
from dfs_ros.rigid_transform import RigidTransform

HALF = math.sqrt(0.5)


@pytest.mark.parametrize(
    ("quaternion", "expected"),
    [
        ((0, 0, 0, 1), (1, 2, 3)),
        ((HALF, 0, 0, HALF), (1, -3, 2)),
        ((0, HALF, 0, HALF), (3, 2, -1)),
        ((0, 0, HALF, HALF), (-2, 1, 3)),
        ((0, 0, 1, 0), (-1, -2, 3)),
        ((0.5, -0.5, 0.5, 0.5), (-2, -3, 1)),  # x ahead, y left, z up: seen along the optical axis
    ],
)
def test_turns_by_known_quaternions_and_then_moves(quaternion: tuple[float, ...], expected: tuple[int, ...]) -> None:
    transform = RigidTransform.from_numbers((10.0, 20.0, 30.0, *quaternion))
    moved = transform.apply(np.array([[1.0], [2.0], [3.0]]))
    np.testing.assert_allclose(moved[:, 0] - (10, 20, 30), expected, atol=1e-12)


@given(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: math.hypot(*q) > 0.1))
def test_any_unit_quaternion_is_a_rotation_and_so_is_one_that_was_rounded(quaternion: tuple[float, ...]) -> None:
    length = math.hypot(*quaternion)
    rotation = RigidTransform.from_numbers((0, 0, 0, *(1.009 * number / length for number in quaternion))).rotation
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    axis = np.array(quaternion[:3])
    np.testing.assert_allclose(rotation @ axis, axis, atol=1e-12)


def test_points_keep_their_precision_and_those_that_are_nowhere_stay_so() -> None:
    points = np.array([[math.nan, math.inf, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]], np.float32)
    moved = RigidTransform.from_numbers((0, 0, 1, 0, 0, 0, 1)).apply(points)
    assert moved.dtype == np.float32
    assert np.isfinite(moved).all(axis=0).tolist() == [False, False, True]
    assert moved[:, 2].tolist() == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "numbers",
    [
        (0, 0, 0, 0, 0, 1),
        (0, 0, 0, 0, 0, 0, 0),
        (0, 0, 0, 0, 0, 0, 1.02),
        (math.nan, 0, 0, 0, 0, 0, 1),
        (0, 0, math.inf, 0, 0, 0, 1),
        (0, 0, 0, math.nan, 0, 0, 1),
    ],
)
def test_what_is_no_transform_is_refused_in_words(numbers: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="seven finite numbers, the last four a quaternion of length 1, not"):
        RigidTransform.from_numbers(numbers)
