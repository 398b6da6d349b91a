"""What the dehaze node's parameters change in its answers and reports while frames flow, over real DDS."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header, String

from dfs_core.labels import CAMVID_11
from dfs_core.palettes import in_palette
from dfs_ros.image_message import from_array, to_array

Start = Callable[..., Any]

DENSE, THIN = (np.full((60, 96, 3), level, np.uint8) for level in (30, 200))
"""Frames in which the small model sees fog of 0.032 and of 0.023 per metre."""


def test_palette_opacity_and_jpeg_quality_change_with_the_next_frame(start: Start) -> None:
    node = start()
    graph = node.graph
    answers, masks, colors, overlays = (
        graph.listen(Image, f"/dehaze_node/{name}")
        for name in ("image_dehazed", "segmentation/mask", "segmentation/color", "segmentation/overlay")
    )
    jpegs = graph.listen(CompressedImage, "/dehaze_node/image_dehazed/compressed")
    labels = graph.listen(String, "/dehaze_node/segmentation/label_info", latched=True)

    def asked() -> list[Any]:
        """Return the answers on all topics to one frame."""
        message = node.image("rgb8")

        def found() -> list[Any]:
            return [
                next((one for one in topic if one.header == message.header), None)
                for topic in (answers, masks, colors, overlays, jpegs)
            ]

        graph.send_until(node.camera, message, lambda: None not in found(), "an answer on every topic")
        return found()

    large = len(asked()[4].data)
    settings = {"palette": "colorblind", "overlay_opacity": 0.25, "jpeg_quality": 10}
    assert all(result.successful for result in node.set_parameters(**settings))
    dehazed, mask, color, overlay, jpeg = asked()
    expected = in_palette(CAMVID_11, "colorblind").colorize(to_array(mask)[..., 0])
    np.testing.assert_array_equal(to_array(color), expected)
    assert np.abs(to_array(overlay) - (0.75 * to_array(dehazed) + 0.25 * expected)).max() <= 1.0
    assert len(jpeg.data) < 0.5 * large
    announced = [list(label.color) for label in in_palette(CAMVID_11, "colorblind").classes]
    graph.wait(
        lambda: [entry["color"] for entry in json.loads(labels[-1].data)["class_map"]] == announced, "the new colours"
    )
    refused = node.set_parameters(palette="rainbow")[0]
    assert "palette must be one of labels, colorblind, not 'rainbow'" in refused.reason


class Sequence:
    """A camera that sends each frame once, 0.1 s of stamps after the one before, over a link that loses none."""

    RELIABLE = ("-p", "qos_overrides./image_raw.subscription.reliability:=reliable")

    def __init__(self, node: Any) -> None:
        self._node = node
        self._answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
        self._sent = 0
        node.ask(node.image(), self._answers)

    def send(self, frame: np.ndarray) -> tuple[Image, Image]:
        """Send a frame, and return its message and the answer."""
        self._sent += 1
        stamp = Time(sec=100 + self._sent // 10, nanosec=self._sent % 10 * 100_000_000)
        message = from_array(frame, Header(stamp=stamp), "rgb8", Image)
        self._node.camera.publish(message)
        found = self._node.graph.wait(
            lambda: next((answer for answer in self._answers if answer.header == message.header), None), "the answer"
        )
        return message, found


def test_fog_between_the_thresholds_is_dehazed_on_with_hysteresis_and_not_without(start: Start) -> None:
    node = start(*Sequence.RELIABLE, "-p", "gate_attenuation:=0.03", "-p", "gate_hysteresis:=1.0")
    camera = Sequence(node)

    def is_passed(frame: np.ndarray) -> bool:
        message, answer = camera.send(frame)
        return bool(answer == message)

    assert [is_passed(frame) for frame in (THIN, DENSE, THIN, DENSE)] == [True, False, True, False]
    assert node.set_parameters(gate_hysteresis=0.5)[0].successful
    assert [is_passed(frame) for frame in (THIN, DENSE, THIN)] == [False, False, False]
    assert node.set_parameters(gate_hysteresis=1.0)[0].successful
    assert is_passed(THIN)


def test_smoothing_steadies_the_brightness_of_a_camera_that_hunts_for_its_exposure(start: Start) -> None:
    node = start(*Sequence.RELIABLE)
    camera = Sequence(node)
    bright = np.random.default_rng(3).integers(60, 200, (60, 96, 3), np.uint8)
    dark = (0.8 * bright).astype(np.uint8)

    def swing() -> float:
        """Return by how much the dehazed frames' brightness goes up and down."""
        levels = [to_array(camera.send(frame)[1]).mean() for frame in (bright, dark) * 3]
        return float(np.ptp(levels))

    usual = swing()
    assert usual > 10.0
    assert node.set_parameters(smoothing_s=5.0)[0].successful
    assert swing() < 0.25 * usual
    assert node.set_parameters(smoothing_s=0.0)[0].successful
    assert swing() == pytest.approx(usual)


def test_frames_beyond_the_highest_rate_are_counted_and_let_go(start: Start) -> None:
    node = start("-p", "max_rate_hz:=0.001")
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    node.ask(node.image(), answers)
    node.graph.send_until(
        node.camera, node.image(), lambda: int(node.figures.get("beyond max rate", "0")) >= 3, "frames let go"
    )
    figures = node.figures
    counts = {name: int(figures[name]) for name in ("frames in", "frames out", "superseded", "beyond max rate")}
    assert counts["frames out"] <= 2
    assert counts["frames in"] == counts["frames out"] + counts["superseded"] + counts["beyond max rate"]
    assert node.set_parameters(max_rate_hz=0.0)[0].successful
    node.ask(node.image(), answers)


def test_latency_is_by_the_clock_of_the_simulation(start: Start) -> None:
    node = start("-p", "use_sim_time:=true")
    graph = node.graph
    answers = graph.listen(Image, "/dehaze_node/image_dehazed")
    clock = graph.node.create_publisher(Clock, "/clock", 1)
    node.wait_until_active()
    now = Clock(clock=Time(sec=1000))
    graph.send_until(clock, now, lambda: node.reports[-1].header.stamp.sec == 1000, "a report of second 1000")
    message = node.image()
    message.header.stamp = Time(sec=999, nanosec=750_000_000)
    node.ask(message, answers)
    graph.wait(lambda: node.figures["latency p50 ms"] != "nan", "a latency")
    assert {node.figures[f"latency {share} ms"] for share in ("p50", "p95", "max")} == {"250.0"}


def test_diagnostics_tell_engine_queue_and_memory_and_warn_above_a_limit(start: Start) -> None:
    node = start()
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    node.ask(node.image(), answers)
    node.graph.wait(lambda: node.figures.get("frames out", "0") != "0", "a frame is counted")
    assert all(math.isfinite(float(node.figures[name])) for name in ("latency max ms", "queue age p95 ms"))
    assert "engine" in node.figures_of("model"), "which file of TensorRT runs, if one does"
    assert node.set_parameters(warn_memory_mb=1)[0].successful
    node.graph.wait(lambda: node.reports[-1].status[1].level == DiagnosticStatus.WARN, "a warning")
    assert node.reports[-1].status[1].name == "/dehaze_node: model"
    assert "MB are in use, above warn_memory_mb = 1" in node.reports[-1].status[1].message
