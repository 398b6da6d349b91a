"""Geometry against closed forms: the disparity formula, a flat road, a wall that stands on it."""

import math

import numpy as np
import pytest

from dfs_core.data.depth import Camera, from_depth_map, from_disparity, from_labels
from dfs_core.errors import DatasetError
from dfs_core.labels import CAMVID_11

SKY, BUILDING, ROAD, CAR = CAMVID_11.ids_of("sky", "building", "road", "car")


def test_disparity_follows_the_cityscapes_format():
    # v = 1 + 256 * 32 px; depth = 0.209 m * 2262 px / 32 px
    depth = from_disparity(np.array([[1 + 256 * 32, 0]], np.uint16), baseline_m=0.209313, focal_px=2262.52)
    assert depth[0, 0] == pytest.approx(0.209313 * 2262.52 / 32)
    assert np.isnan(depth[0, 1])


def test_disparity_read_as_8_bits_is_refused():
    with pytest.raises(DatasetError, match=r"uint16 \[H, W\], not uint8 \[4, 4\].*IMREAD_UNCHANGED"):
        from_disparity(np.zeros((4, 4), np.uint8), baseline_m=0.2, focal_px=2000.0)


def test_depth_map_in_millimetres():
    depth = from_depth_map(np.array([[1500, 0]], np.uint16), unit_m=0.001)
    assert depth[0, 0] == pytest.approx(1.5)
    assert np.isnan(depth[0, 1])


def test_depth_map_keeps_no_infinity():
    assert np.isnan(from_depth_map(np.array([[np.inf, -1.0]], np.float32), unit_m=1.0)).all()


def flat_image(labels):
    return np.full((*labels.shape, 3), 128, np.uint8)


def test_flat_road_lies_where_its_row_says():
    height, width, camera = 120, 160, Camera(focal=1.0, height_m=1.5, horizon=0.5)
    labels = np.full((height, width), ROAD, np.uint8)
    labels[: height // 2] = SKY
    depth = from_labels(labels, flat_image(labels), CAMVID_11, camera)
    for row in (80, 100, 115):  # h f / (y - horizon)
        assert depth[row, 80] == pytest.approx(1.5 * 160 / (row - 60), rel=0.05)


def test_sky_is_infinitely_far():
    labels = np.full((120, 160), ROAD, np.uint8)
    labels[:60] = SKY
    depth = from_labels(labels, flat_image(labels), CAMVID_11, Camera(horizon=0.5))
    assert np.isinf(depth[:50]).all()


def test_wall_is_as_far_as_its_foot():
    camera = Camera(focal=1.0, height_m=1.5, horizon=0.4)
    labels = np.full((120, 160), ROAD, np.uint8)
    labels[:70] = BUILDING
    depth = from_labels(labels, flat_image(labels), CAMVID_11, camera)
    foot = 1.5 * 160 / (70 - 48)
    assert depth[10, 80] == pytest.approx(foot, rel=0.05)
    assert depth[50, 80] == pytest.approx(foot, rel=0.05)


def test_car_before_a_wall_is_nearer_than_the_wall():
    camera = Camera(focal=1.0, height_m=1.5, horizon=0.4)
    labels = np.full((120, 320), ROAD, np.uint8)
    labels[:60] = BUILDING
    labels[50:90, 150:170] = CAR
    image = flat_image(labels)
    image[labels == CAR] = 20
    depth = from_labels(labels, image, CAMVID_11, camera)
    assert depth[70, 160] == pytest.approx(1.5 * 320 / (90 - 48), rel=0.1)
    assert depth[20, 20] == pytest.approx(1.5 * 320 / (60 - 48), rel=0.1)


def test_horizon_is_guessed_from_where_the_road_ends():
    labels = np.full((100, 160), SKY, np.uint8)
    labels[60:] = ROAD
    guessed = from_labels(labels, flat_image(labels), CAMVID_11, Camera())
    given = from_labels(labels, flat_image(labels), CAMVID_11, Camera(horizon=0.58))
    np.testing.assert_array_equal(guessed, given)


@pytest.mark.parametrize("camera", [{"focal": 0.0}, {"height_m": -1.0}, {"horizon": 1.0}, {"focal": math.nan}])
def test_impossible_camera_is_refused(camera):
    with pytest.raises(DatasetError, match="must be above 0"):
        Camera(**camera)


def test_bank_beside_the_road_is_as_far_as_the_road_at_its_foot():
    pavement = CAMVID_11.id_of("pavement")
    labels = np.full((120, 160), ROAD, np.uint8)
    labels[:60] = SKY
    labels[40:90, 100:] = pavement  # rises above the horizon at row 60
    depth = from_labels(labels, flat_image(labels), CAMVID_11, Camera(focal=1.0, height_m=1.5, horizon=0.5))
    foot = 1.5 * 160 / (90 - 60)
    assert depth[45, 130] == pytest.approx(foot, rel=0.1)
    assert depth[80, 130] == pytest.approx(foot, rel=0.1)
