"""The semantic cloud node as a process: a cloud and a mask in, and each point in the class of its pixel out of it."""

import importlib.util
import json
import math
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion, Transform, TransformStamped
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField
from std_msgs.msg import Header, String

from dfs_core.labels import CAMVID_11
from dfs_ros import label_info
from dfs_ros.image_message import from_array
from dfs_ros.point_cloud import to_points

ANSWER = "/semantic_cloud_node/points"
MASK = np.arange(12, dtype=np.uint8).reshape(3, 4)
AHEAD = (0.0, 0.0, 0.0, 0.5, -0.5, 0.5, 0.5)
"""The lidar (x ahead, y left, z up) is where the camera is, and looks where it looks."""

POINTS = [
    [(8.0, 6.0, 4.0, 1), (8.0, -6.0, -4.0, 2), (8.0, 0.1, 0.0, 3)],
    [(-8.0, 6.0, 4.0, 4), (8.0, 9.0, 0.0, 5), (math.nan, 0.0, 0.0, 6)],
]
CLASSES = [[0, 11, 5], [255, 255, 255]]
"""First and last pixel, one in the middle; behind the camera, outside of the image, nowhere."""


@pytest.fixture
def start(graph: Any) -> Iterator[Callable[..., Any]]:
    """Return what starts a semantic cloud node with parameters; afterwards each has to end cleanly."""

    def begin(*parameters: str) -> Any:
        return graph.start("dfs_ros.semantic_cloud_node", *(word for entry in parameters for word in ("-p", entry)))

    yield begin
    assert [process.stop() for process in graph.processes] == [0] * len(graph.processes)


def transform(numbers: tuple[float, ...] = AHEAD) -> str:
    return f"transform:={list(numbers)}"


def header(frame_id: str, nanoseconds: int = 17) -> Header:
    return Header(stamp=Time(sec=3, nanosec=nanoseconds), frame_id=frame_id)


def calibration() -> CameraInfo:
    k = [2.0, 0.0, 1.5, 0.0, 2.0, 1.0, 0.0, 0.0, 1.0]
    return CameraInfo(header=header("camera"), height=3, width=4, k=k)


def mask(nanoseconds: int = 17, ids: np.ndarray = MASK) -> Image:
    return from_array(ids, header("camera", nanoseconds), "mono8", Image)


def cloud(order: str = "<", nanoseconds: int = 17) -> PointCloud2:
    """Return 2 rows of 3 points of x, y, z, ring and 2 bytes of nothing; a row ends in 5 more."""
    rows = [b"".join(struct.pack(order + "fffH2x", *point) for point in row) + b"\xaa" * 5 for row in POINTS]
    message = PointCloud2(header=header("lidar", nanoseconds), height=2, width=3, point_step=16, row_step=53)
    places = {"x": (0, 7), "y": (4, 7), "z": (8, 7), "ring": (12, 4)}
    message.fields = [PointField(name=n, offset=offset, datatype=kind, count=1) for n, (offset, kind) in places.items()]
    message.is_bigendian = order == ">"
    message.data.frombytes(b"".join(rows))
    return message


def messages(**changes: Any) -> dict[str, Any]:
    """Return what the node needs, by topic; the cloud comes last."""
    return {
        "/segmentation/camera_info": changes.get("info", calibration()),
        "/segmentation/mask": changes.get("mask", mask()),
        "/points": changes.get("cloud", cloud()),
    }


def send(graph: Any, topics: dict[str, Any], condition: Callable[[], Any], what: str) -> Any:
    """Publish messages of several topics, in turn, until a condition holds."""
    publishers = [(graph.node.create_publisher(type(message), topic, 1), message) for topic, message in topics.items()]
    graph.wait(lambda: all(publisher.get_subscription_count() for publisher, _ in publishers), "the node listens")
    *others, (last, message) = publishers

    def holds() -> Any:
        for publisher, other in others:
            publisher.publish(other)
        return condition()

    found = graph.send_until(last, message, holds, what)
    for publisher, _ in publishers:
        graph.node.destroy_publisher(publisher)
    return found


def colors_of(answer: PointCloud2) -> list[list[int]]:
    return np.array(to_points(answer)["rgb"]).view(">u4" if answer.is_bigendian else "<u4").tolist()


@pytest.mark.parametrize("order", ["<", ">"])
def test_each_point_gets_class_and_colour_and_keeps_all_else(graph: Any, start: Callable[..., Any], order: str) -> None:
    start(transform())
    answers = graph.listen(PointCloud2, ANSWER)
    send(graph, messages(cloud=cloud(order)), lambda: answers, "a painted cloud")
    answer = answers[0]
    assert (answer.header, answer.height, answer.width) == (header("lidar"), 2, 3)
    assert (answer.is_dense, answer.is_bigendian) == (False, order == ">")
    assert [(field.name, field.offset, field.datatype) for field in answer.fields] == [
        ("x", 0, 7), ("y", 4, 7), ("z", 8, 7), ("ring", 12, 4), ("rgb", 16, 7), ("class_id", 20, 2),
    ]  # fmt: skip
    palette = {number: label.color for number, label in enumerate(CAMVID_11.classes)}
    expected = b""
    for points, classes in zip(POINTS, CLASSES, strict=True):
        for point, number in zip(points, classes, strict=True):
            red, green, blue = palette.get(number, (128, 128, 128))
            expected += struct.pack(order + "fffH2xIB3x", *point, red << 16 | green << 8 | blue, number)
    assert bytes(answer.data) == expected


def test_the_nearest_mask_within_the_slop_paints_and_its_size_does_not_matter(
    graph: Any, start: Callable[..., Any]
) -> None:
    start(transform(), "slop_s:=0.05")
    answers = graph.listen(PointCloud2, ANSWER)
    large = np.kron(MASK, np.ones((5, 7), np.uint8))
    topics = {**messages(mask=mask(40_000_000, large)), "/points": cloud(nanoseconds=20_000_000)}
    send(graph, topics, lambda: answers, "a painted cloud")
    assert to_points(answers[0])["class_id"].tolist() == CLASSES


def test_colours_are_those_of_the_label_info_that_was_announced_before(graph: Any, start: Callable[..., Any]) -> None:
    announced = json.loads(label_info.to_json(CAMVID_11))
    announced["class_map"][5]["color"] = [1, 2, 3]
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = graph.node.create_publisher(String, "/segmentation/label_info", latched)
    publisher.publish(String(data=json.dumps(announced)))
    start(transform())
    answers = graph.listen(PointCloud2, ANSWER)
    send(graph, messages(), lambda: answers and colors_of(answers[-1])[0][2] == 0x010203, "the announced colour")


def test_the_transform_changes_while_it_runs_and_what_is_none_is_refused(graph: Any, start: Callable[..., Any]) -> None:
    start(transform())
    answers = graph.listen(PointCloud2, ANSWER)

    def set_transform(numbers: tuple[float, ...]) -> Any:
        value = ParameterValue(type=ParameterType.PARAMETER_DOUBLE_ARRAY, double_array_value=numbers)
        request = SetParameters.Request(parameters=[Parameter(name="transform", value=value)])
        (result,) = graph.call(SetParameters, "/semantic_cloud_node/set_parameters", request).results
        return result

    assert "a quaternion of length 1" in set_transform((*AHEAD[:6], 3.0)).reason
    assert set_transform((4.0, *AHEAD[1:])).successful  # the camera lies 4 m to the left: at 8 m, that is one pixel
    send(graph, messages(), lambda: answers and to_points(answers[-1])["class_id"][0, 0] == 1, "a pixel further")


@pytest.mark.parametrize(
    ("topics", "words"),
    [
        ({"/segmentation/mask": mask(), "/points": cloud()}, "no segmentation/camera_info has come yet"),
        (messages(info=CameraInfo(height=3, width=4)), "the camera is not calibrated"),
        (messages(mask=from_array(np.zeros((3, 4, 3), np.uint8), header("camera"), "rgb8", Image)), "must be mono8"),
        (messages(cloud=PointCloud2(header=header("lidar"), height=1, width=9, point_step=4)), "has row_step 0"),
        (messages(mask=mask(18)), "no mask has come with a stamp within 0 s of a cloud's"),
        ({"/segmentation/label_info": String(data="[]")}, "label info '[]' is not JSON"),
    ],
)  # fmt: skip
def test_what_cannot_be_painted_is_refused_in_words_and_the_next_good_cloud_flows(
    graph: Any, start: Callable[..., Any], topics: dict[str, Any], words: str
) -> None:
    process = start(transform())
    answers = graph.listen(PointCloud2, ANSWER)
    if "/segmentation/label_info" in topics:
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        publisher = graph.node.create_publisher(String, "/segmentation/label_info", latched)
        publisher.publish(topics["/segmentation/label_info"])
        graph.wait(lambda: words in process.output, f"a refusal that says '{words}'")
    else:
        send(graph, topics, lambda: words in process.output, f"a refusal that says '{words}'")
    assert not answers
    send(graph, messages(), lambda: answers, "a painted cloud")


def test_it_listens_only_while_somebody_listens_to_it(graph: Any, start: Callable[..., Any]) -> None:
    start(transform())
    publishers = [graph.node.create_publisher(type(message), topic, 1) for topic, message in messages().items()]
    graph.wait(lambda: graph.node.count_publishers(ANSWER), "the node")
    assert not any(publisher.get_subscription_count() for publisher in publishers)
    subscription = graph.node.create_subscription(PointCloud2, ANSWER, lambda _: None, 1)
    graph.wait(lambda: all(publisher.get_subscription_count() for publisher in publishers), "it listens")
    graph.node.destroy_subscription(subscription)
    graph.wait(lambda: not any(publisher.get_subscription_count() for publisher in publishers), "it ceases to listen")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ((), "parameter transform is not set, and tf2_ros, which would be asked instead, is not installed"),
        ((transform((1.0, 2.0)),), "parameter transform must be 7 entries"),
        ((transform((1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 2.0)),), "a quaternion of length 1, not"),
    ],
)
def test_it_does_not_start_without_knowing_where_the_camera_is(
    graph: Any, parameters: tuple[str, ...], words: str
) -> None:
    if not parameters and importlib.util.find_spec("tf2_ros") is not None:
        pytest.skip("tf2_ros is installed, so that the transform may come from it")
    process = graph.start("dfs_ros.semantic_cloud_node", *(word for entry in parameters for word in ("-p", entry)))
    graph.wait(lambda: not process.is_running, "it ends")
    assert words in process.output
    assert process.stop() == 1


TF = """
from geometry_msgs.msg import TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile


class TransformException(Exception):
    pass


class Buffer:
    def __init__(self):
        self.known = {}

    def put(self, message):
        self.known[message.header.frame_id, message.child_frame_id] = message

    def lookup_transform(self, target, source, time):
        if (target, source) not in self.known:
            raise TransformException("not known")
        return self.known[target, source]


class TransformListener:
    def __init__(self, buffer, node):
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.node, self.heard = node, node.create_subscription(TransformStamped, "/tf_static", buffer.put, latched)

    def unregister(self):
        self.node.destroy_subscription(self.heard)
"""
"""A small tf2_ros, which is not on PyPI: it listens to one transform a message, and looks up what it was told."""


def known_transform() -> TransformStamped:
    x, y, z, w = AHEAD[3:]
    known = TransformStamped(header=header("camera"), child_frame_id="lidar")
    known.transform = Transform(rotation=Quaternion(x=x, y=y, z=z, w=w))
    return known


def test_tf_is_listened_to_before_the_first_cloud_and_no_longer_than_the_node_is_awake(
    graph: Any, start: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tf2_ros.py").write_text(TF)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]))
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = graph.node.create_publisher(TransformStamped, "/tf_static", latched)
    publisher.publish(known_transform())
    start()
    graph.wait(lambda: graph.node.count_publishers(ANSWER), "the node")
    assert publisher.get_subscription_count() == 0
    answers: list[PointCloud2] = []
    subscription = graph.node.create_subscription(PointCloud2, ANSWER, answers.append, 10)
    graph.wait(publisher.get_subscription_count, "tf is listened to, though no cloud has come")
    send(graph, messages(), lambda: answers, "a painted cloud")
    assert to_points(answers[0])["class_id"].tolist() == CLASSES
    graph.node.destroy_subscription(subscription)
    graph.wait(lambda: not publisher.get_subscription_count(), "tf is no longer listened to")


def test_the_transform_comes_from_tf_where_that_is_installed(graph: Any, start: Callable[..., Any]) -> None:
    tf2_ros = pytest.importorskip("tf2_ros", reason="tf2_ros comes with a ROS 2 installation only")
    tf2_ros.StaticTransformBroadcaster(graph.node).sendTransform(known_transform())
    start()
    answers = graph.listen(PointCloud2, ANSWER)
    send(graph, messages(), lambda: answers, "a painted cloud")
    assert to_points(answers[0])["class_id"].tolist() == CLASSES
