"""What the viewer shows together, and in which bytes."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="needs rclpy's messages")

from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from dfs_core.labels import LabelClass
from dfs_ros import viewer_frame
from dfs_ros.image_message import from_array
from dfs_ros.viewer_frame import CAMERA, DEHAZED, MASK, Counterparts, Frame

LABELS = (
    LabelClass("road", (128, 64, 128), "flat"),
    LabelClass("sky", (70, 130, 180), "sky"),
    LabelClass("car", (0, 0, 9), "vehicle"),
)


def message(second: int, size: int = 3) -> CompressedImage:
    return CompressedImage(header=Header(stamp=Time(sec=second)), data=bytes(size))


def test_a_frame_is_complete_when_all_of_its_stamp_is_there_in_any_order() -> None:
    waiting = Counterparts()
    mask, camera, dehazed = message(1), message(1), message(1)
    assert waiting.put(MASK, mask) is None
    assert waiting.put(CAMERA, message(2)) is None
    assert waiting.put(CAMERA, camera) is None
    assert waiting.put(DEHAZED, dehazed) == {CAMERA: camera, DEHAZED: dehazed, MASK: mask}


def test_what_is_older_than_a_complete_frame_is_given_up() -> None:
    waiting = Counterparts()
    for second in (1, 2):
        waiting.put(CAMERA, message(second))
    waiting.put(DEHAZED, message(2))
    assert waiting.put(MASK, message(2)) is not None
    waiting.put(DEHAZED, message(1))
    assert waiting.put(MASK, message(1)) is None, "its camera image is gone"


def test_a_frame_without_mask_comes_with_the_next_one() -> None:
    waiting = Counterparts()
    waiting.put(CAMERA, message(1))
    assert waiting.put(DEHAZED, message(1)) is None
    waiting.put(CAMERA, message(2))
    parts = waiting.put(DEHAZED, message(2))
    assert parts is not None
    assert set(parts) == {CAMERA, DEHAZED}
    assert parts[CAMERA].header.stamp.sec == 1


@pytest.mark.parametrize("limits", [{"most_frames": 3}, {"most_bytes": 30}])
def test_what_finds_no_counterpart_does_not_pile_up(limits: dict[str, int]) -> None:
    waiting = Counterparts(**limits)
    for second in range(20):
        waiting.put(CAMERA, message(second, size=10))
    waiting.put(DEHAZED, message(16))
    assert waiting.put(MASK, message(16)) is None
    waiting.put(DEHAZED, message(19))
    assert waiting.put(MASK, message(19)) is not None


def frame(camera: Image | CompressedImage, ids: np.ndarray) -> Frame:
    header = Header(stamp=Time(sec=1))
    mask = from_array(ids, header, "mono8", Image)
    return Frame(1, (1, 0), camera, message(1), mask, LABELS, 0.0)


def decode(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_pictures_are_no_wider_than_is_shown_and_keep_their_colours() -> None:
    orange = np.full((900, 1600, 3), (250, 120, 10), np.uint8)
    camera, dehazed, colors = frame(
        from_array(orange, Header(), "rgb8", Image), np.zeros((900, 1600), np.uint8)
    ).pictures
    assert decode(camera).shape == (720, 1280, 3)
    assert decode(camera)[100, 100].tolist() == pytest.approx([10, 120, 250], abs=3)
    assert dehazed == bytes(3)
    assert decode(colors).shape == (360, 640, 4)


def test_pictures_longer_than_an_encoder_takes_are_shown_small() -> None:
    shown = frame(
        from_array(np.zeros((70_000, 2, 3), np.uint8), Header(), "rgb8", Image), np.zeros((70_000, 2), np.uint8)
    )
    camera, _, colors = shown.pictures
    assert decode(camera).shape == (1280, 1, 3)
    assert decode(colors).shape == (640, 1, 4)


def test_a_compressed_image_goes_as_it_came() -> None:
    came = message(1, size=77)
    assert frame(came, np.zeros((2, 2), np.uint8)).pictures[0] == bytes(77)


def test_masks_are_in_their_labels_colours_and_see_through_where_there_is_none() -> None:
    shown = frame(message(1), np.array([[0, 1, 255]], np.uint8))
    blue_first = decode(shown.pictures[2])[0].tolist()
    assert blue_first == [[128, 64, 128, 255], [180, 130, 70, 255], [0, 0, 0, 0]]


def test_classes_are_listed_by_their_share_and_specks_are_not() -> None:
    ids = np.ones((100, 100), np.uint8)
    ids[:20] = 0
    ids[0, 0] = 2
    listed = frame(message(1), ids).classes
    assert [(entry["name"], entry["share"]) for entry in listed] == [("sky", 0.8), ("road", 0.2)]


def test_an_answer_can_be_taken_apart() -> None:
    packed = viewer_frame.pack({"state": "dehazing"}, (b"ab", b"", b"cde"))
    length = int.from_bytes(packed[:4], "big")
    assert json.loads(packed[4 : 4 + length]) == {"state": "dehazing", "sizes": [2, 0, 3]}
    assert packed[4 + length :] == b"abcde"
