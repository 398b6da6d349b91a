"""Several cameras in one dehaze node, over real DDS."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header, String

from dfs_core.runtime import load
from dfs_ros.image_message import decode, from_array, to_array, to_compressed

Start = Callable[..., Any]

SIZES = {"front": (60, 96), "left": (60, 96), "rear": (48, 64), "side/top": (60, 96)}


class Camera:
    """A camera that sends frames of its own, and what comes back of them."""

    def __init__(self, graph: Any, name: str, *, rate: float) -> None:
        self.name, self.period = name, 1.0 / rate
        self.frame = np.random.default_rng(len(name)).integers(0, 256, (*SIZES[name], 3), np.uint8)
        self.publisher = graph.node.create_publisher(Image, f"{name}/image_raw", 1)
        self.answers = graph.listen(Image, f"/dehaze_node/{name}/image_dehazed")
        self.masks = graph.listen(Image, f"/dehaze_node/{name}/segmentation/mask")
        self.is_stalled = self.is_broken = False
        self.sent: list[int] = []
        self._due = 0.0

    def send_if_due(self) -> None:
        """Send the next frame if it is time to."""
        now = time.monotonic()
        if self.is_stalled or now < self._due:
            return
        self._due = now + self.period
        self.sent.append(len(self.sent) + 1)
        header = Header(stamp=Time(sec=self.sent[-1]), frame_id=self.name)
        message = from_array(self.frame, header, "rgb8", Image)
        if self.is_broken:
            message.step += 1
        self.publisher.publish(message)

    @property
    def stamps(self) -> list[int]:
        """The stamps of its answers, in the order in which they came."""
        return [answer.header.stamp.sec for answer in self.answers]


class Cameras:
    """All cameras of a node, sending at their rates while the test waits."""

    def __init__(self, node: Any, **rates: float) -> None:
        self.node = node
        self.all = {name: Camera(node.graph, name, rate=rate) for name, rate in rates.items()}

    def __getitem__(self, name: str) -> Camera:
        """Return one of them."""
        return self.all[name]

    def send_until(self, condition: Callable[[], Any], what: str) -> Any:
        """Have all send until a condition holds."""

        def holds() -> Any:
            for camera in self.all.values():
                camera.send_if_due()
            return condition()

        return self.node.graph.wait(holds, what)

    def answered(self, *names: str, times: int) -> None:
        """Have all send until some of them are answered so many times more."""
        before = {name: len(self[name].answers) for name in names}
        self.send_until(
            lambda: all(len(self[name].answers) >= before[name] + times for name in names), f"{names} answered"
        )


def test_each_camera_gets_its_own_answers_in_order(start: Start, model_path: Path) -> None:
    node = start("-p", "cameras:=[front, left, rear, side/top]", "-p", "batch_window_ms:=50.0")
    graph = node.graph
    labels = [graph.listen(String, f"/dehaze_node/{name}/segmentation/label_info", latched=True) for name in SIZES]
    calibrations = graph.listen(CameraInfo, "/dehaze_node/left/camera_info")
    info_sender = graph.node.create_publisher(CameraInfo, "left/camera_info", 1)
    cameras = Cameras(node, **dict.fromkeys(SIZES, 10.0) | {"left": 27.0})
    cameras.answered(*SIZES, times=10)
    cameras.send_until(
        lambda: info_sender.publish(CameraInfo(width=96, height=60)) or calibrations, "the calibration of one camera"
    )
    cameras.send_until(lambda: node.figures_of("model").get("batch max") == "3", "three frames go in one call")
    assert calibrations[-1].header.frame_id == "left"
    with load(model_path, "onnxruntime") as dehazer:
        for name, camera in cameras.all.items():
            expected = dehazer(camera.frame[None])
            assert abs(to_array(camera.answers[-1]).astype(int) - expected.dehazed[0]).max() <= 1
            assert (camera.masks[-1].height, camera.masks[-1].width) == SIZES[name]
            assert {answer.header.frame_id for answer in camera.answers} == {name}
            assert camera.stamps == sorted(set(camera.stamps)), "no answer twice, none out of order"
            assert set(camera.stamps) <= set(camera.sent)
    assert all(labels)
    assert node.figures_of("left")["state"] == "active"
    model = node.figures_of("model")
    assert model["model"] == "test_model"
    assert float(model["batch mean"]) > 1.0, "frames of one size go through the model together"
    assert int(model["batch max"]) == 3, "there are three of one size"
    assert float(model["memory MB"]) > 10.0


def test_a_camera_that_stalls_or_sends_rubbish_costs_the_others_nothing(start: Start) -> None:
    node = start("-p", "cameras:=[front, left, rear]", "-p", "batch_window_ms:=1000.0")
    cameras = Cameras(node, front=20.0, left=20.0, rear=5.0)
    cameras.answered("front", "left", "rear", times=5)
    cameras["rear"].is_stalled = cameras["left"].is_broken = True
    cameras.send_until(lambda: int(node.figures_of("left").get("refused: data length", "0")) > 3, "frames refused")
    begin, before = time.monotonic(), len(cameras["front"].sent)
    cameras.answered("front", times=40)
    assert time.monotonic() - begin < 10.0, "of a window of 1 s a stalled camera uses up none"
    assert len(cameras["front"].sent) - before <= 60, "nearly every frame is answered"
    assert node.figures_of("front")["refused"] == node.figures_of("front")["failed"] == "0"
    cameras["rear"].is_stalled = cameras["left"].is_broken = False
    cameras.answered("front", "left", "rear", times=5)
    for camera in cameras.all.values():
        assert camera.stamps == sorted(set(camera.stamps))
    assert "Traceback" not in node.process.output


def test_cameras_of_which_one_is_heard_compressed_share_a_call(start: Start, model_path: Path) -> None:
    """The one writes its frame into the message that goes out, the other has none to write into."""
    node = start("-p", "cameras:=[front, left]", "-p", "batch_window_ms:=200.0")
    answers = node.graph.listen(Image, "/dehaze_node/front/image_dehazed")
    jpegs = node.graph.listen(CompressedImage, "/dehaze_node/left/image_dehazed/compressed")
    frames = {
        name: np.full((60, 96, 3), level, np.uint8) for name, level in {"front": (90, 140, 200), "left": 120}.items()
    }
    publishers = {name: node.graph.node.create_publisher(Image, f"{name}/image_raw", 1) for name in frames}

    def answered() -> bool:
        for name, publisher in publishers.items():
            publisher.publish(from_array(frames[name], Header(frame_id=name), "bgr8", Image))
        return len(answers) > 3 and len(jpegs) > 3 and node.figures_of("model").get("batch max") == "2"

    node.graph.wait(answered, "frames of both in one call, and their answers")
    with load(model_path, "onnxruntime") as dehazer:
        expected = {name: dehazer(frame[None]).dehazed[0] for name, frame in frames.items()}
    assert abs(to_array(answers[-1]).astype(int) - expected["front"]).max() <= 1
    jpeg = to_compressed(expected["left"], Header(), CompressedImage, encoding="bgr8")
    assert abs(decode(jpegs[-1]).astype(int) - decode(jpeg)).max() <= 12


@pytest.mark.parametrize(
    ("cameras", "words"),
    [("[front, front]", "must be different names"), ("['3d']", "must be different names"), ("5", "a list of strings")],
)
def test_names_that_cannot_be_told_apart_or_be_topics_are_refused(start: Start, cameras: str, words: str) -> None:
    node = start("-p", f"cameras:={cameras}")
    node.graph.wait(lambda: not node.process.is_running, "the process ends")
    assert node.process.stop() == 1
    assert words in node.process.output
    assert "Traceback" not in node.process.output


def test_a_frame_on_which_the_model_fails_costs_the_others_of_its_batch_nothing(
    start: Start, model_blind_to_black: Path
) -> None:
    node = start("-p", "cameras:=[front, left]", "-p", "batch_window_ms:=100.0", model=model_blind_to_black)
    cameras = Cameras(node, front=10.0, left=10.0)
    cameras["left"].frame[:] = 0
    cameras.send_until(lambda: int(node.figures_of("left").get("failed", "0")) >= 3, "frames failed")
    cameras.answered("front", times=10)
    assert node.figures_of("front")["failed"] == "0"
    assert int(node.figures_of("model")["batch max"]) == 2
    assert not cameras["left"].answers


def test_steps_are_told_at_debug_level(start: Start) -> None:
    node = start("-p", "cameras:=[front]", "--log-level", "dehaze_node:=debug")
    cameras = Cameras(node, front=10.0)
    cameras.answered("front", times=2)
    assert re.search(r"/front/image_raw \d+\.000000000: batch 1; ms: take .*, model .*, publish ", node.process.output)
