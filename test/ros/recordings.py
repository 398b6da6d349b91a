"""Bags for tests, written by rosbags itself: a camera, its calibration, a latched note, and a depth image."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

IMAGE_TOPIC, RAW_TOPIC = "/camera/image_raw/compressed", "/rear/image_raw"
INFO_TOPIC, NOTE_TOPIC, DEPTH_TOPIC = "/camera/camera_info", "/note", "/camera/depth"
START_NS, PERIOD_NS = 1_700_000_000_000_000_000, 40_000_000
HEIGHT, WIDTH = 48, 64

_TIME = QosTime(0, 0)


def qos(reliability: QosReliability, durability: QosDurability, depth: int) -> Qos:
    """Return a profile as rosbag2 records it."""
    return Qos(
        QosHistory.KEEP_LAST, depth, reliability, durability, _TIME, _TIME, QosLiveliness.AUTOMATIC, _TIME, False
    )


BEST_EFFORT = qos(QosReliability.BEST_EFFORT, QosDurability.VOLATILE, 5)
RELIABLE = qos(QosReliability.RELIABLE, QosDurability.VOLATILE, 100)
LATCHED = qos(QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL, 1)


def frame(number: int) -> NDArray[np.uint8]:
    """Return a smooth RGB picture that differs from frame to frame."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([(x * 3 + number * 5) % 256, y * 5 % 256, np.full_like(x, 40 + number)], axis=2).astype(np.uint8)


def jpeg(number: int) -> NDArray[np.uint8]:
    """Return that picture as JPEG, in one row."""
    return cv2.imencode(".jpg", frame(number)[:, :, ::-1])[1].reshape(-1)


def stamp_ns(number: int) -> int:
    """Return when a frame was taken."""
    return START_NS + number * PERIOD_NS


def write(path: Path, *, frames: int = 10, storage: str = "mcap", corrupt: int | None = None, **more: bool) -> Path:
    """Write a bag and return its path.

    Args:
        path: a folder to be, or for ROS 1 a file that ends in .bag.
        frames: how many; each has a calibration of the same stamp.
        storage: "mcap", "sqlite3" or "rosbag1".
        corrupt: number of a frame whose JPEG is cut off.
        more: `raw` and `depth` add a raw camera and a depth image; `reliable` has the camera offer that, with a depth
            that holds all frames, so that none is lost on the way.
    """
    if storage == "rosbag1":
        with Writer1(path) as writer:
            _fill(writer, get_typestore(Stores.ROS1_NOETIC), frames, corrupt, ros1=True, **more)
    else:
        with Writer(path, version=8, storage_plugin=StoragePlugin[storage.upper()]) as writer:
            _fill(writer, get_typestore(Stores.ROS2_JAZZY), frames, corrupt, ros1=False, **more)
    return path


def storage_file(bag: Path) -> Path:
    """Return the one file of a ROS 2 bag that holds its messages."""
    (file,) = (entry for entry in bag.iterdir() if entry.suffix in {".mcap", ".db3"})
    return file


def cut(file: Path, share: float) -> None:
    """Keep only the front of a file."""
    data = file.read_bytes()
    file.write_bytes(data[: round(len(data) * share)])


def _fill(
    writer: Any,
    types: Any,
    frames: int,
    corrupt: int | None,
    *,
    ros1: bool,
    raw: bool = False,
    depth: bool = False,
    reliable: bool = False,
) -> None:
    serialize = types.serialize_ros1 if ros1 else types.serialize_cdr

    def add(topic: str, name: str, profile: Qos) -> Any:
        if ros1:
            return writer.add_connection(topic, name, typestore=types, latching=int(profile is LATCHED))
        return writer.add_connection(topic, name, typestore=types, offered_qos_profiles=[profile])

    camera = RELIABLE if reliable else BEST_EFFORT
    connections = {
        NOTE_TOPIC: add(NOTE_TOPIC, "std_msgs/msg/String", LATCHED),
        IMAGE_TOPIC: add(IMAGE_TOPIC, "sensor_msgs/msg/CompressedImage", camera),
        INFO_TOPIC: add(INFO_TOPIC, "sensor_msgs/msg/CameraInfo", camera),
    }
    if raw:
        connections[RAW_TOPIC] = add(RAW_TOPIC, "sensor_msgs/msg/Image", BEST_EFFORT)
    if depth:
        connections[DEPTH_TOPIC] = add(DEPTH_TOPIC, "sensor_msgs/msg/Image", BEST_EFFORT)
    for topic, stamp, message in _messages(types, frames, corrupt, ros1=ros1):
        if topic in connections:
            connection = connections[topic]
            writer.write(connection, stamp, serialize(message, connection.msgtype))


def _messages(types: Any, frames: int, corrupt: int | None, *, ros1: bool) -> Iterator[tuple[str, int, Any]]:
    kinds = types.types
    image, info = kinds["sensor_msgs/msg/Image"], kinds["sensor_msgs/msg/CameraInfo"]
    region = kinds["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
    matrices = (np.zeros(5), np.eye(3).ravel(), np.eye(3).ravel(), np.zeros(12))
    yield NOTE_TOPIC, START_NS, kinds["std_msgs/msg/String"]("a note")
    for number in range(frames):
        stamp = stamp_ns(number)
        time = kinds["builtin_interfaces/msg/Time"](*divmod(stamp, 10**9))
        header = kinds["std_msgs/msg/Header"](*((number,) if ros1 else ()), time, "camera")
        data = jpeg(number)
        data = data[: data.size // 2] if number == corrupt else data
        yield IMAGE_TOPIC, stamp, kinds["sensor_msgs/msg/CompressedImage"](header, "jpeg", data)
        yield INFO_TOPIC, stamp, info(header, HEIGHT, WIDTH, "plumb_bob", *matrices, 0, 0, region)
        blue_first = np.ascontiguousarray(frame(number)[:, :, ::-1]).reshape(-1)
        yield RAW_TOPIC, stamp, image(header, HEIGHT, WIDTH, "bgr8", 0, WIDTH * 3, blue_first)
        yield DEPTH_TOPIC, stamp, image(header, 2, 2, "16UC1", 0, 4, np.zeros(8, np.uint8))
