"""Where a camera sees points, against projections worked out by hand and the maps that OpenCV undistorts by."""

import math
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from dfs_ros.camera_model import CalibrationError, CameraModel

PLUMB_BOB = (-0.3, 0.1, 0.001, -0.002, -0.01)
RATIONAL = (0.5, 0.1, 0.001, -0.002, 0.02, 0.6, 0.2, 0.03)
THIN_PRISM = (*RATIONAL, 0.01, -0.005, 0.02, 0.003)
FISHEYE = (0.05, -0.01, 0.002, -0.0005)


def info(**changes: Any) -> Any:
    """Return a calibration of 64x48 pixels, whose P has another focal length than K."""
    values = {
        "height": 48,
        "width": 64,
        "distortion_model": "plumb_bob",
        "d": [0.0] * 5,
        "k": [50.0, 0.0, 31.5, 0.0, 40.0, 23.5, 0.0, 0.0, 1.0],
        "p": [45.0, 0.0, 30.0, 0.0, 0.0, 44.0, 20.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        "binning_x": 0,
        "binning_y": 0,
        "roi": SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0),
    }
    return SimpleNamespace(**{**values, **changes})


def model(calibration: Any, *, height: int = 48, width: int = 64, rectified: bool = False) -> CameraModel:
    return CameraModel.from_message(calibration, height=height, width=width, rectified=rectified)


def test_a_pinhole_sees_points_ahead_and_none_behind_or_beside_it() -> None:
    points = np.array([[1.0, -0.5, 2.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [np.nan, 0.0, 1.0]])
    pixels = model(info()).project(points)
    assert pixels[0].tolist() == [31.5 + 25.0, 23.5 - 10.0]
    assert np.isnan(pixels[1:]).all()


def test_rectified_images_are_seen_by_the_projection_matrix_without_distortion() -> None:
    pixels = model(info(d=list(PLUMB_BOB)), rectified=True).project(np.array([[1.0, 1.0, 1.0]]))
    assert pixels.tolist() == [[75.0, 64.0]]


def test_a_smaller_image_is_the_same_view() -> None:
    pixels = model(info(), height=24, width=32).project(np.array([[1.0, -0.5, 2.0]]))
    assert pixels.tolist() == [[(56.5 + 0.5) / 2 - 0.5, (13.5 + 0.5) / 2 - 0.5]]


def test_a_binned_part_of_the_sensor_is_taken_into_account() -> None:
    region = SimpleNamespace(x_offset=10, y_offset=4, width=40, height=20)
    calibration = info(binning_x=2, binning_y=2, roi=region)
    pixels = model(calibration, height=10, width=20).project(np.array([[0.0, 0.0, 1.0]]))
    assert pixels.tolist() == [[(31.5 - 10 + 0.5) / 2 - 0.5, (23.5 - 4 + 0.5) / 2 - 0.5]]


@pytest.mark.parametrize(
    ("name", "distortion"),
    [
        ("plumb_bob", PLUMB_BOB[:4]),
        ("plumb_bob", PLUMB_BOB),
        ("rational_polynomial", RATIONAL),
        ("rational_polynomial", THIN_PRISM),
        ("equidistant", FISHEYE),
    ],
)
def test_distortion_is_that_of_the_maps_that_opencv_undistorts_by(name: str, distortion: tuple[float, ...]) -> None:
    camera = model(info(distortion_model=name, d=list(distortion)))
    size, straight = (64, 48), np.eye(3)
    maps = cv2.fisheye.initUndistortRectifyMap if camera.is_fisheye else cv2.initUndistortRectifyMap
    across, down = maps(camera.matrix, np.array(distortion), straight, camera.matrix, size, cv2.CV_32FC1)
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    points = np.stack(((x - 31.5) / 50.0, (y - 23.5) / 40.0, np.ones_like(x)), axis=-1).reshape(-1, 3)
    expected = np.stack((across, down), axis=-1).reshape(-1, 2)
    np.testing.assert_allclose(camera.project(points * 7.0), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "distortion"),
    [("plumb_bob", ()), ("plumb_bob", PLUMB_BOB), ("rational_polynomial", RATIONAL), ("equidistant", FISHEYE)],
)
def test_a_point_on_the_ray_of_a_pixel_is_seen_at_that_pixel(name: str, distortion: tuple[float, ...]) -> None:
    camera = model(info(distortion_model=name, d=list(distortion)))
    rays = camera.rays().astype(np.float64)
    points = np.concatenate((rays, np.ones((48, 64, 1))), axis=-1).reshape(-1, 3)
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    expected = np.stack((x, y), axis=-1).reshape(-1, 2)
    np.testing.assert_allclose(camera.project(points), expected, atol=0.05)


def test_points_far_aside_are_not_folded_back_into_a_barrel_distorted_image() -> None:
    camera = model(info(d=[-0.3, 0.0, 0.0, 0.0, 0.0]))
    # r (1 - 0.3 r²) grows up to r = sqrt(1 / 0.9)
    assert camera.reach == pytest.approx(math.sqrt(1 / 0.9))
    folded = np.array([[1.8, 0.0, 1.0]])  # which the polynomial alone would put at r = 0.05, in the middle
    assert np.isnan(camera.project(folded)).all()
    assert np.isfinite(camera.project(np.array([[1.0, 0.0, 1.0]]))).all()


def test_an_undistorted_camera_sees_as_far_aside_as_there_is() -> None:
    assert model(info()).reach == math.inf


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"k": [0.0] * 9}, "not calibrated"),
        ({"k": [math.nan] * 9}, "not calibrated"),
        ({"distortion_model": "double_sphere"}, "known are plumb_bob, rational_polynomial, equidistant"),
        ({"d": [0.1]}, "needs 0 or 4 or 5 finite distortion coefficients"),
        ({"d": [math.nan] * 5}, "finite distortion coefficients"),
        ({"width": 0}, "0x48 pixels"),
    ],
)
def test_calibrations_that_say_nothing_are_refused_in_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(CalibrationError, match=words):
        model(info(**changes))
