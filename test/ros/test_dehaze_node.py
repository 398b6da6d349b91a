"""The dehaze node as a process, talked to over real DDS."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float32, Header, String

from dfs_core.labels import CAMVID_11
from dfs_core.runtime import load
from dfs_ros.image_message import from_array, to_array

MODULE = "dfs_ros.dehaze_node"
FRAME = np.random.default_rng(3).integers(0, 256, (60, 96, 3), np.uint8)


class Dehazer:
    """A dehaze node that runs the small model, and the topics that a test uses."""

    def __init__(self, graph: Any, model_path: Path, *ros_args: str) -> None:
        self.graph = graph
        self.process = graph.start(MODULE, "-p", f"model:={model_path}", "-p", "backend:=onnxruntime", *ros_args)
        self.reports = graph.listen(DiagnosticArray, "/diagnostics")
        self.camera = graph.node.create_publisher(Image, "image_raw", 1)
        self._seconds = 0

    def wait_until_active(self) -> None:
        """Wait until the node says that it listens."""
        self.graph.wait(lambda: self.figures.get("state") == "active", "the node is active")

    @property
    def status(self) -> DiagnosticStatus:
        """The newest report; empty before the first."""
        return self.reports[-1].status[0] if self.reports else DiagnosticStatus()

    @property
    def figures(self) -> dict[str, str]:
        """The figures of the newest report."""
        return {entry.key: entry.value for entry in self.status.values}

    def header(self) -> Header:
        """Return a header that no other frame has."""
        self._seconds += 1
        return Header(stamp=Time(sec=self._seconds, nanosec=17), frame_id=f"camera_{self._seconds}")

    def image(self, encoding: str = "bgr8", frame: np.ndarray = FRAME) -> Image:
        """Return an image with a new header."""
        return from_array(frame, self.header(), encoding, Image)

    def ask(self, message: Any, answers: list[Any], *, camera: Any = None) -> Any:
        """Send an image until it is answered, and return the answer."""
        return self.graph.send_until(
            camera or self.camera,
            message,
            lambda: next((answer for answer in answers if answer.header == message.header), None),
            "an answer with the header of the frame",
        )

    def refuse(self, message: Any, reason: str, *, camera: Any = None) -> None:
        """Send an image until the diagnostics say that such a one was refused."""
        self.graph.send_until(
            camera or self.camera,
            message,
            lambda: int(self.figures.get(f"refused: {reason}", "0")) > 0,
            f"an image is refused for '{reason}'",
        )


@pytest.fixture
def start(graph: Any, model_path: Path) -> Callable[..., Dehazer]:
    """Return what starts a dehaze node with ROS arguments."""
    return lambda *ros_args: Dehazer(graph, model_path, *ros_args)


@pytest.fixture
def expected(model_path: Path) -> Any:
    """What the model itself says of FRAME."""
    with load(model_path, "onnxruntime") as dehazer:
        return dehazer(FRAME[None])


def test_every_answer_carries_the_header_of_its_frame(start: Callable[..., Dehazer], expected: Any) -> None:
    node = start()
    graph = node.graph
    images = {
        name: graph.listen(Image, f"/dehaze_node/{name}")
        for name in ("image_dehazed", "segmentation/mask", "segmentation/color", "segmentation/overlay")
    }
    jpegs = graph.listen(CompressedImage, "/dehaze_node/image_dehazed/compressed")
    calibrations = graph.listen(CameraInfo, "/dehaze_node/camera_info")
    visibilities = graph.listen(Float32, "/dehaze_node/visibility")
    labels = graph.listen(String, "/dehaze_node/segmentation/label_info", latched=True)
    info = CameraInfo(height=60, width=96, k=[100.0, 0.0, 48.0, 0.0, 110.0, 30.0, 0.0, 0.0, 1.0])
    info_sender = graph.node.create_publisher(CameraInfo, "camera_info", 1)
    node.wait_until_active()

    message = node.image()
    graph.send_until(
        node.camera,
        message,
        lambda: info_sender.publish(info) or (all(images.values()) and jpegs and calibrations and visibilities),
        "an answer on every topic",
    )
    received = {name: messages[-1] for name, messages in images.items()}
    for answer in [*received.values(), jpegs[-1], calibrations[-1]]:
        assert answer.header == message.header

    dehazed, mask = to_array(received["image_dehazed"]), np.array(received["segmentation/mask"].data)
    assert received["image_dehazed"].encoding == "bgr8"
    np.testing.assert_array_equal(dehazed, expected.dehazed[0])
    assert received["segmentation/mask"].encoding == "mono8"
    ids = cv2.resize(expected.mask[0], (96, 60), interpolation=cv2.INTER_NEAREST_EXACT)
    np.testing.assert_array_equal(mask.reshape(60, 96), ids)
    colors = CAMVID_11.colorize(ids)
    np.testing.assert_array_equal(to_array(received["segmentation/color"]), colors)
    mean = (dehazed.astype(float) + colors) / 2
    assert np.abs(to_array(received["segmentation/overlay"]) - mean).max() <= 1
    assert list(calibrations[-1].k) == list(info.k)
    assert visibilities[-1].data == pytest.approx(-np.log(0.05) / expected.fog_density[0], rel=1e-3)

    graph.wait(lambda: labels, "the label information")
    content = json.loads(labels[-1].data)
    assert [entry["class_name"] for entry in content["class_map"]] == list(CAMVID_11.names)
    assert content["unlabelled"] == 255


@pytest.mark.parametrize(("encoding", "answer"), [("rgb8", "rgb8"), ("bgr8", "bgr8"), ("mono8", "mono8")])
def test_an_image_is_answered_in_its_own_encoding(start: Callable[..., Dehazer], encoding: str, answer: str) -> None:
    node = start()
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    assert node.ask(node.image(encoding), answers).encoding == answer


def test_bad_images_are_refused_one_by_one_and_good_ones_still_answered(start: Callable[..., Dehazer]) -> None:
    node = start()
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    for reason, field, value in [
        ("unknown encoding", "encoding", "32FC1"),
        ("step", "step", 5),
        ("data length", "step", 96 * 3 + 1),
        ("empty", "height", 0),
        ("too large", "width", 2**31),
    ]:
        message = node.image()
        setattr(message, field, value)
        node.refuse(message, reason)
        node.ask(node.image(), answers)
    assert "32FC1" in node.process.output
    assert "/image_raw" in node.process.output
    assert "Traceback" not in node.process.output
    assert int(node.figures["refused"]) >= 5


def test_a_refused_image_shows_in_the_diagnostics_in_words(start: Callable[..., Dehazer]) -> None:
    node = start()
    node.graph.listen(Image, "/dehaze_node/image_dehazed")
    node.wait_until_active()
    message = node.image()
    message.encoding = "32FC1"
    node.graph.send_until(
        node.camera, message, lambda: "32FC1" in node.status.message, "a warning that names the encoding"
    )
    assert node.status.level == DiagnosticStatus.WARN


def test_the_resolution_may_change_at_any_time(start: Callable[..., Dehazer]) -> None:
    node = start()
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    masks = node.graph.listen(Image, "/dehaze_node/segmentation/mask")
    for height, width in [(60, 96), (33, 47), (120, 64), (60, 96)]:
        frame = np.full((height, width, 3), 90, np.uint8)
        message = node.image(frame=frame)
        answer = node.ask(message, answers)
        assert (answer.height, answer.width) == (height, width)
        node.graph.wait(lambda wanted=message.header: any(m.header == wanted for m in masks), "the mask")
        assert (masks[-1].height, masks[-1].width) == (height, width)


def test_compressed_images_are_answered_and_corrupt_ones_refused(start: Callable[..., Dehazer]) -> None:
    node = start("-p", "image_transport:=compressed", "-r", "image_raw:=/front/image_raw")
    graph = node.graph
    camera = graph.node.create_publisher(CompressedImage, "/front/image_raw/compressed", 1)
    answers = graph.listen(Image, "/dehaze_node/image_dehazed")
    jpegs = graph.listen(CompressedImage, "/dehaze_node/image_dehazed/compressed")
    whole = cv2.imencode(".jpg", FRAME)[1].tobytes()

    cut = CompressedImage(header=node.header(), format="jpeg", data=whole[: len(whole) // 2])
    node.refuse(cut, "truncated", camera=camera)
    rubbish = CompressedImage(header=node.header(), format="jpeg", data=b"no picture")
    node.refuse(rubbish, "not a picture", camera=camera)
    good = CompressedImage(header=node.header(), format="jpeg", data=whole)
    answer = node.ask(good, answers, camera=camera)
    assert (answer.encoding, answer.height, answer.width) == ("rgb8", 60, 96)
    graph.wait(lambda: jpegs, "the answer as JPEG")
    assert cv2.imdecode(np.array(jpegs[-1].data), cv2.IMREAD_COLOR).shape == (60, 96, 3)


def test_a_clear_frame_passes_the_fog_gate_bit_for_bit(start: Callable[..., Dehazer]) -> None:
    node = start("-p", "gate_attenuation:=1.0")
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    message = node.image("bgr8")
    answer = node.ask(message, answers)
    assert answer == message
    node.graph.wait(lambda: int(node.figures.get("passed as clear", "0")) > 0, "a frame counted as clear")


def test_a_clear_jpeg_passes_the_fog_gate_bit_for_bit(start: Callable[..., Dehazer]) -> None:
    node = start("-p", "gate_attenuation:=1.0", "-p", "image_transport:=compressed")
    camera = node.graph.node.create_publisher(CompressedImage, "image_raw/compressed", 1)
    answers = node.graph.listen(CompressedImage, "/dehaze_node/image_dehazed/compressed")
    data = cv2.imencode(".jpg", FRAME)[1].tobytes()
    message = CompressedImage(header=node.header(), format="bgr8; jpeg compressed bgr8", data=data)
    assert node.ask(message, answers, camera=camera) == message


def test_nobody_listening_means_no_work(start: Callable[..., Dehazer]) -> None:
    node = start()
    node.wait_until_active()
    node.graph.send_until(
        node.camera, node.image(), lambda: int(node.figures["not wanted"]) >= 2, "frames that nobody wanted"
    )
    assert node.figures["frames out"] == "0"
    assert node.figures["model p50 ms"] == "nan"
    assert node.status.message.startswith("idle")


def test_a_burst_is_cut_to_its_newest_frame(start: Callable[..., Dehazer]) -> None:
    node = start()
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    node.wait_until_active()

    def figure(name: str) -> int:
        return int(node.figures[name])

    def superseded() -> bool:
        for _ in range(10):
            node.camera.publish(node.image(frame=np.zeros((480, 640, 3), np.uint8)))
        return figure("superseded") > 0

    node.graph.wait(superseded, "a frame that a newer one replaced")
    node.ask(node.image(), answers)
    stamps = [answer.header.stamp.sec for answer in answers]
    assert stamps == sorted(stamps), "answers must never go back in time"
    node.graph.wait(
        lambda: figure("frames in") == figure("frames out") + figure("superseded"), "every frame is accounted for"
    )


def test_the_mask_comes_at_the_networks_size_when_asked_for(start: Callable[..., Dehazer], expected: Any) -> None:
    node = start("-p", "mask_resolution:=network")
    graph = node.graph
    masks = graph.listen(Image, "/dehaze_node/segmentation/mask")
    calibrations = graph.listen(CameraInfo, "/dehaze_node/segmentation/camera_info")
    info_sender = graph.node.create_publisher(CameraInfo, "camera_info", 1)
    info = CameraInfo(height=60, width=96, k=[100.0, 0.0, 47.5, 0.0, 110.0, 29.5, 0.0, 0.0, 1.0])
    message = node.image()
    graph.send_until(node.camera, message, lambda: info_sender.publish(info) or (masks and calibrations), "the mask")
    height, width = expected.mask.shape[1:]
    assert (masks[-1].height, masks[-1].width) == (height, width)
    np.testing.assert_array_equal(np.array(masks[-1].data).reshape(height, width), expected.mask[0])
    # The middle of the picture stays its middle.
    matrix = calibrations[-1].k
    assert (matrix[2], matrix[5]) == pytest.approx(((width - 1) / 2, (height - 1) / 2))
    assert (matrix[0], matrix[4]) == pytest.approx((100.0 * width / 96, 110.0 * height / 60))


def test_lifecycle_transitions_start_and_stop_the_stream(start: Callable[..., Dehazer]) -> None:
    node = start("-p", "autostart:=false")
    graph = node.graph
    answers = graph.listen(Image, "/dehaze_node/image_dehazed")

    def change(transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return graph.call(ChangeState, "/dehaze_node/change_state", request).success

    def state() -> int:
        return graph.call(GetState, "/dehaze_node/get_state", GetState.Request()).current_state.id

    assert state() == State.PRIMARY_STATE_UNCONFIGURED
    for _ in range(2):
        assert change(Transition.TRANSITION_CONFIGURE)
        assert change(Transition.TRANSITION_ACTIVATE)
        assert state() == State.PRIMARY_STATE_ACTIVE
        node.ask(node.image(), answers)
        node.reports.clear()
        assert change(Transition.TRANSITION_DEACTIVATE)
        graph.wait(lambda: node.figures.get("state") == "inactive", "a report at the end")
        assert int(node.figures["frames out"]) >= 1
        graph.wait(lambda: graph.node.count_subscribers("/image_raw") == 0, "the node has stopped listening")
        assert change(Transition.TRANSITION_CLEANUP)
        assert state() == State.PRIMARY_STATE_UNCONFIGURED
    assert change(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    assert node.process.stop()[0] == 0


def test_a_file_that_is_no_model_is_named_and_can_be_replaced(graph: Any, model_path: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"this is no model")
    node = Dehazer(graph, wrong)
    graph.wait(lambda: node.status.level == DiagnosticStatus.ERROR, "an error in the diagnostics")
    assert str(wrong) in node.status.message
    assert node.figures["state"] == "unconfigured"
    assert str(wrong) in node.process.output
    assert "Traceback" not in node.process.output

    parameter = Parameter("model", value=str(model_path)).to_parameter_msg()
    answer = graph.call(SetParameters, "/dehaze_node/set_parameters", SetParameters.Request(parameters=[parameter]))
    assert answer.results[0].successful
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert graph.call(ChangeState, "/dehaze_node/change_state", request).success
    node.ask(node.image(), graph.listen(Image, "/dehaze_node/image_dehazed"))


def test_a_model_that_fails_on_every_frame_is_reported_and_the_node_goes_on(
    graph: Any, model_path: Path, tmp_path: Path
) -> None:
    broken = onnx.load(model_path)
    scale = next(tensor for tensor in broken.graph.initializer if tensor.name == "density_scale")
    scale.CopyFrom(onnx.numpy_helper.from_array(np.array(np.nan, np.float32), scale.name))
    onnx.save(broken, tmp_path / "broken.onnx")
    node = Dehazer(graph, tmp_path / "broken.onnx")
    graph.listen(Image, "/dehaze_node/image_dehazed")
    message = node.image()
    graph.send_until(node.camera, message, lambda: int(node.figures.get("failed", "0")) >= 2, "two frames that failed")
    graph.send_until(
        node.camera, message, lambda: node.status.level == DiagnosticStatus.ERROR, "an error in the diagnostics"
    )
    assert "fog density of nan" in node.status.message
    assert "fog density of nan" in node.process.output
    assert node.process.stop()[0] == 0


def test_quality_of_service_follows_the_parameters_that_ros_has_for_it(start: Callable[..., Dehazer]) -> None:
    node = start("-p", "qos_overrides./image_raw.subscription.reliability:=reliable")
    node.wait_until_active()

    def offered() -> list[Any]:
        return node.graph.node.get_subscriptions_info_by_topic("/image_raw")

    node.graph.wait(offered, "the node's subscription")
    assert offered()[0].qos_profile.reliability == ReliabilityPolicy.RELIABLE
    info = node.graph.wait(
        lambda: node.graph.node.get_subscriptions_info_by_topic("/camera_info"), "the calibration's subscription"
    )
    assert info[0].qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT


def test_parameters_are_checked_while_the_node_runs(start: Callable[..., Dehazer]) -> None:
    node = start()
    node.wait_until_active()

    def change(name: str, value: Any) -> Any:
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        return node.graph.call(SetParameters, "/dehaze_node/set_parameters", request).results[0]

    assert change("gate_attenuation", 0.01).successful
    assert "at least 0" in change("gate_attenuation", -0.01).reason
    assert "one of image, network" in change("mask_resolution", "huge").reason
    assert "clean it up first" in change("model", "other.onnx").reason
    assert not change("autostart", False).successful


def test_a_parameter_out_of_range_ends_the_start_in_words(graph: Any, model_path: Path) -> None:
    node = Dehazer(graph, model_path, "-p", "image_transport:=pigeon")
    graph.wait(lambda: not node.process.is_running, "the process ends")
    assert node.process.stop()[0] == 1
    assert "image_transport must be one of raw, compressed, not 'pigeon'" in node.process.output
    assert "Traceback" not in node.process.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_running_node_at_once_and_cleanly(
    start: Callable[..., Dehazer], number: signal.Signals
) -> None:
    node = start()
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    node.ask(node.image(), answers)
    for _ in range(5):
        node.camera.publish(node.image())
    code, seconds = node.process.stop(number)
    assert code == 0, node.process.output
    assert seconds < 2.0
    assert "Traceback" not in node.process.output
    assert "rror" not in node.process.output


def test_a_signal_while_the_model_is_being_loaded_ends_the_node_at_once(start: Callable[..., Dehazer]) -> None:
    node = start("-p", "backend:=auto")
    node.graph.wait(lambda: "dehaze_node" in node.graph.node.get_node_names(), "the node appears")
    code, seconds = node.process.stop()
    assert code == 0, node.process.output
    assert seconds < 2.0
    assert "Traceback" not in node.process.output


def test_the_choice_of_backend_is_logged_with_its_reasons(start: Callable[..., Dehazer]) -> None:
    node = start("-p", "backend:=auto")
    node.wait_until_active()
    line = next(line for line in node.process.output.splitlines() if "running test_model on " in line)
    assert f"on {node.figures['backend']} in {node.figures['precision']} (" in line


def test_a_camera_that_is_silent_is_named(start: Callable[..., Dehazer]) -> None:
    node = start("-r", "image_raw:=/front/image_raw")
    node.graph.wait(lambda: node.status.level == DiagnosticStatus.WARN, "a warning")
    assert "no image on /front/image_raw" in node.status.message
