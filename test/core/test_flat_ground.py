"""Distances of flat ground, against lengths worked out by hand."""

import math

import numpy as np
import pytest

from dfs_core import flat_ground
from dfs_core.errors import FogError


def rays(*pixels: tuple[float, float]) -> np.ndarray:
    return np.array([pixels], np.float32)


def test_a_level_camera_sees_ground_below_the_horizon_and_endless_sky_above() -> None:
    length = flat_ground.ray_length(rays((0.0, 0.75), (0.0, 0.0), (0.0, -0.5)), height_m=1.5, pitch_rad=0.0)
    # 1.5 m down is 2 m ahead; 3 : 4 : 5
    assert length.tolist() == [[2.5, math.inf, math.inf]]


def test_rays_to_the_side_are_longer_than_their_depth() -> None:
    (length,) = flat_ground.ray_length(rays((2.0, 2.0)), height_m=2.0, pitch_rad=0.0)[0]
    assert length == 3.0  # 1 m ahead, 2 m aside, 2 m down


def test_a_camera_that_looks_down_sees_the_ground_straight_ahead() -> None:
    length = flat_ground.ray_length(rays((0.0, 0.0)), height_m=1.0, pitch_rad=math.radians(30.0))
    np.testing.assert_allclose(length, 2.0, rtol=1e-6)


def test_where_a_pixel_sees_nothing_there_is_no_ground() -> None:
    assert flat_ground.ray_length(rays((math.nan, math.nan)), height_m=1.0, pitch_rad=0.0).tolist() == [[math.inf]]


@pytest.mark.parametrize(
    ("height", "pitch", "words"), [(0.0, 0.0, "height"), (math.inf, 0.0, "height"), (1.0, 1.6, "pitch")]
)
def test_cameras_in_or_below_the_ground_are_refused(height: float, pitch: float, words: str) -> None:
    with pytest.raises(FogError, match=words):
        flat_ground.ray_length(rays((0.0, 1.0)), height_m=height, pitch_rad=pitch)
