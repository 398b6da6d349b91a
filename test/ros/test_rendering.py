"""Masks enlarged, coloured and laid over frames; calibrations scaled along; labels announced."""

import copy
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from dfs_core.errors import LabelError
from dfs_core.labels import CAMVID_11
from dfs_ros import camera_info, label_info, rendering

MASK = np.array([[0, 1], [2, 255]], np.uint8)
PALETTE = CAMVID_11.palette


def test_each_pixel_takes_the_id_of_the_nearest() -> None:
    expected = [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 255, 255], [2, 2, 255, 255]]
    np.testing.assert_array_equal(rendering.enlarge(MASK, 4, 4), expected)
    assert rendering.enlarge(MASK, 2, 2) is MASK


def test_sides_may_grow_differently() -> None:
    np.testing.assert_array_equal(rendering.enlarge(MASK, 2, 6), [[0, 0, 0, 1, 1, 1], [2, 2, 2, 255, 255, 255]])


@pytest.mark.parametrize("size", [(1080, 1920), (7, 5), (54, 97), (273, 1), (1000, 481)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_mask_is_enlarged_as_by_opencv_and_where_it_is_asked_for(size: tuple[int, int], channels: tuple[int]) -> None:
    mask = np.random.default_rng(3).integers(0, 256, (272, 480, *channels), np.uint8)
    place = np.empty((*size, *channels), np.uint8)
    assert rendering.enlarge(mask, *size, out=place) is place
    np.testing.assert_array_equal(place, cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT))
    np.testing.assert_array_equal(rendering.enlarge(mask, *size), place)


def test_colours_are_those_of_the_palette_in_rgb() -> None:
    colors = rendering.colorize(MASK, PALETTE)
    assert colors[0, 0].tolist() == [70, 130, 180]  # sky
    assert colors[1, 1].tolist() == [0, 0, 0]  # unlabelled
    np.testing.assert_array_equal(colors, CAMVID_11.colorize(MASK))


@pytest.mark.parametrize(
    ("opacity", "expected"), [(0.0, [100, 100, 100]), (1.0, [70, 130, 180]), (0.5, [85, 115, 140])]
)
def test_opacity_leads_from_the_frame_to_the_colours(opacity: float, expected: list[int]) -> None:
    frame = np.full((4, 4, 3), 100, np.uint8)
    assert rendering.overlay(frame, MASK, PALETTE, opacity=opacity)[0, 0].tolist() == expected


def calibration() -> SimpleNamespace:
    """Return a calibration of a 640x480 camera, the right one of a stereo pair."""
    return SimpleNamespace(
        header="old",
        height=480,
        width=640,
        k=[500.0, 0.0, 310.0, 0.0, 510.0, 250.0, 0.0, 0.0, 1.0],
        p=[490.0, 0.0, 305.0, -60.0, 0.0, 495.0, 245.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        d=[0.1, -0.2],
        roi=SimpleNamespace(x_offset=64, y_offset=48, width=320, height=240),
    )


def test_a_scaled_calibration_sees_the_same_points_where_the_scaled_image_shows_them() -> None:
    """Scale a picture of two dots, and compare where they are with where the calibration says."""
    original = calibration()
    scaled = camera_info.scaled(original, from_size=(480, 640), to_size=(240, 160))
    for point in np.array([[-0.3, 0.2, 1.0], [0.4, -0.3, 1.0]]):
        picture = np.zeros((480, 640), np.float32)
        column, row, _ = np.array(original.k).reshape(3, 3) @ point
        cv2.circle(picture, (round(column), round(row)), 12, 1.0, -1)
        small = cv2.resize(picture, (160, 240), interpolation=cv2.INTER_AREA)
        rows, columns = np.mgrid[0:240, 0:160]
        centre = [(small * axis).sum() / small.sum() for axis in (columns, rows)]
        predicted = (np.array(scaled.k).reshape(3, 3) @ point)[:2]
        assert predicted == pytest.approx(centre, abs=0.25)


def test_the_baseline_and_the_region_scale_too() -> None:
    scaled = camera_info.scaled(calibration(), from_size=(480, 640), to_size=(240, 160))
    assert scaled.p[3] / scaled.p[0] == pytest.approx(-60.0 / 490.0)  # metres
    assert (scaled.roi.x_offset, scaled.roi.width, scaled.roi.y_offset, scaled.roi.height) == (16, 80, 24, 120)
    assert (scaled.height, scaled.width, scaled.d) == (240, 160, [0.1, -0.2])


def test_a_calibration_of_the_whole_sensor_remains_one() -> None:
    """The camera sends every second pixel: 320x240 of 640x480. Half of that is every second pixel of 320x240."""
    scaled = camera_info.scaled(calibration(), from_size=(240, 320), to_size=(120, 160))
    assert (scaled.height, scaled.width) == (240, 320)
    assert (scaled.k[0], scaled.k[4]) == pytest.approx((250.0, 255.0))


def test_the_original_calibration_is_never_changed() -> None:
    original = calibration()
    before = copy.deepcopy(original)
    camera_info.scaled(original, from_size=(480, 640), to_size=(240, 160))
    assert camera_info.for_image(original, "new").header == "new"
    assert original == before


def test_labels_are_announced_with_ids_names_and_colours() -> None:
    content = json.loads(label_info.to_json(CAMVID_11))
    assert content["class_map"][3] == {"class_id": 3, "class_name": "road", "color": [128, 64, 128], "category": "flat"}
    assert (content["unlabelled"], len(content["class_map"])) == (255, 11)
    assert label_info.from_json(json.dumps(content)) == CAMVID_11


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("road", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("[" * 100_000, "RecursionError"),
        ('{"class_map": [{"class_id": 1, "class_name": "road", "color": [1, 2, 3]}]}', "KeyError: 0"),
        ('{"class_map": [{"class_id": 0, "class_name": "road", "color": [Infinity, 2, 3]}]}', "OverflowError"),
        ('{"class_map": [{"class_id": 0, "class_name": "road", "color": [1, 2]}]}', "ValueError: not enough values"),
    ],
)
def test_label_info_that_explains_no_mask_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(LabelError, match=words):
        label_info.from_json(text)


def test_labels_go_out_as_vision_msgs_where_that_is_installed() -> None:
    pytest.importorskip("vision_msgs", reason="vision_msgs comes with a ROS 2 installation only")
    message = label_info.to_vision_message(CAMVID_11)
    assert [(entry.class_id, entry.class_name) for entry in message.class_map] == list(enumerate(CAMVID_11.names))
