"""Points in the classes of a mask: each in that of the pixel where it is seen."""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from sensor_msgs.msg import CameraInfo

from dfs_core.labels import CAMVID_11
from dfs_ros import camera_info
from dfs_ros.camera_model import CameraModel
from dfs_ros.cloud_painting import classes_seen, packed_colors, painted

MASK = np.arange(12, dtype=np.uint8).reshape(3, 4)
INFO = CameraInfo(height=3, width=4, k=[2.0, 0.0, 1.5, 0.0, 2.0, 1.0, 0.0, 0.0, 1.0])


def camera(info: CameraInfo = INFO, height: int = 3, width: int = 4) -> CameraModel:
    return CameraModel.from_message(info, height=height, width=width, rectified=False)


def at(x: float, y: float, distance: float = 8.0) -> tuple[float, float, float]:
    """Return a point that is seen at a place in the picture of 4x3 pixels."""
    return ((x - 1.5) / 2.0 * distance, (y - 1.0) / 2.0 * distance, distance)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (at(0, 0), 0),
        (at(3, 0), 3),
        (at(0, 2), 8),
        (at(3, 2), 11),
        (at(1.5, 1), 6),  # between two pixels: the right one
        (at(1.46875, 1), 5),
        (at(-0.5, 1), 4),  # pixels reach half a pixel around their centres
        (at(-0.53125, 1), 255),
        (at(3.46875, 1), 7),
        (at(3.5, 1), 255),
        (at(1, -0.5), 1),
        (at(1, -0.53125), 255),
        (at(1, 2.46875), 9),
        (at(1, 2.5), 255),
        (at(1, 1, -8.0), 255),  # behind
        ((0.0, 0.0, 0.0), 255),
        ((math.nan, 0.0, 1.0), 255),
        ((0.0, 0.0, math.nan), 255),
        ((0.0, 0.0, math.inf), 255),
        ((math.inf, 0.0, 1.0), 255),
        ((1e30, -1e30, 1e-30), 255),
    ],
)
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_a_point_is_of_the_class_of_the_pixel_at_which_it_is_seen(
    point: tuple[float, ...], expected: int, kind: str
) -> None:
    neighbours = np.array([at(0, 0), point, at(1, 2)], kind).T
    assert classes_seen(neighbours, MASK, camera()).tolist() == [0, expected, 9]


def test_no_points_have_no_classes() -> None:
    assert classes_seen(np.empty((3, 0)), MASK, camera()).tolist() == []


@pytest.mark.parametrize(("down", "across"), [(1, 1), (2, 2), (3, 5)])
def test_a_mask_of_another_size_shows_the_same_by_the_cameras_calibration_and_by_its_own(
    down: int, across: int
) -> None:
    height, width = 3 * down, 4 * across
    mask = np.kron(MASK, np.ones((down, across), np.uint8))
    own = camera_info.scaled(INFO, from_size=(3, 4), to_size=(height, width))
    grid = np.array([at(x, y) for y in np.linspace(-0.9, 2.9, 33) for x in np.linspace(-0.9, 3.9, 37)]).T
    expected = classes_seen(grid, MASK, camera())
    for info in (INFO, own):
        assert classes_seen(grid, mask, camera(info, height, width)).tolist() == expected.tolist()


def test_the_lens_is_taken_into_account() -> None:
    info = CameraInfo(height=3, width=4, k=INFO.k, distortion_model="plumb_bob", d=[-0.1, 0.0, 0.0, 0.0, 0.0])
    points = np.array([at(3.6, 1)]).T  # at r = 1.05 the lens draws it to 1.05 (1 - 0.1 r²): 3.37
    assert classes_seen(points, MASK, camera()).tolist() == [255]
    assert classes_seen(points, MASK, camera(info)).tolist() == [7]


def test_colours_are_packed_as_pcl_does_and_grey_without_a_class() -> None:
    colors = packed_colors(CAMVID_11)
    assert (colors.dtype, colors.shape) == (np.float32, (256,))
    bits = colors.view(np.uint32)
    assert bits[3] == 128 << 16 | 64 << 8 | 128
    assert bits[8] == 142
    assert set(bits[11:].tolist()) == {0x808080}


@pytest.mark.parametrize("order", ["<", ">"])
def test_painting_adds_class_and_colour_in_the_clouds_byte_order(order: str) -> None:
    points = np.array([[(1.0, 7), (math.nan, 8)]], [("x", f"{order}f4"), ("ring", f"{order}u2")])
    answer = painted(points, np.array([3, 255], np.uint8), packed_colors(CAMVID_11))
    assert answer.dtype.names == ("x", "ring", "rgb", "class_id")
    assert answer["ring"].tolist() == [[7, 8]]
    assert answer["class_id"].tolist() == [[3, 255]]
    assert np.array(answer["rgb"]).view(f"{order}u4").tolist() == [[0x804080, 0x808080]]
