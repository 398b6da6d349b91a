"""What the dehaze node answers to what a camera sends, over real DDS."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import onnx
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float32, String

from dfs_core import artifact
from dfs_core.labels import CAMVID_11
from dfs_core.runtime import load
from dfs_ros.image_message import to_array

Start = Callable[..., Any]


@pytest.fixture
def expected(model_path: Path, dehaze_harness: ModuleType) -> Any:
    """Return what the model itself says of the harness' frame."""
    with load(model_path, "onnxruntime") as dehazer:
        return dehazer(dehaze_harness.FRAME[None])


def test_every_answer_carries_the_header_of_its_frame(start: Start, expected: Any) -> None:
    node = start()
    graph = node.graph
    images = {
        name: graph.listen(Image, f"/dehaze_node/{name}")
        for name in ("image_dehazed", "segmentation/mask", "segmentation/color", "segmentation/overlay")
    }
    jpegs = graph.listen(CompressedImage, "/dehaze_node/image_dehazed/compressed")
    calibrations = graph.listen(CameraInfo, "/dehaze_node/camera_info")
    visibilities = graph.listen(Float32, "/dehaze_node/visibility")
    densities = graph.listen(Float32, "/dehaze_node/fog_density")
    pngs = graph.listen(CompressedImage, "/dehaze_node/segmentation/mask/compressed")
    labels = graph.listen(String, "/dehaze_node/segmentation/label_info", latched=True)
    info = CameraInfo(height=60, width=96, k=[100.0, 0.0, 48.0, 0.0, 110.0, 30.0, 0.0, 0.0, 1.0])
    info_sender = graph.node.create_publisher(CameraInfo, "camera_info", 1)
    node.wait_until_active()

    message = node.image()
    graph.send_until(
        node.camera,
        message,
        lambda: (
            info_sender.publish(info) or (all([*images.values(), jpegs, pngs, calibrations, visibilities, densities]))
        ),
        "an answer on every topic",
    )
    received = {name: messages[-1] for name, messages in images.items()}
    for answer in [*received.values(), jpegs[-1], pngs[-1], calibrations[-1]]:
        assert answer.header == message.header

    dehazed, mask = to_array(received["image_dehazed"]), np.array(received["segmentation/mask"].data)
    assert received["image_dehazed"].encoding == "bgr8"
    np.testing.assert_array_equal(dehazed, expected.dehazed[0])
    assert received["segmentation/mask"].encoding == "mono8"
    ids = cv2.resize(expected.mask[0], (96, 60), interpolation=cv2.INTER_NEAREST_EXACT)
    np.testing.assert_array_equal(mask.reshape(60, 96), ids)
    np.testing.assert_array_equal(cv2.imdecode(np.array(pngs[-1].data), cv2.IMREAD_UNCHANGED), ids)
    colors = CAMVID_11.colorize(ids)
    np.testing.assert_array_equal(to_array(received["segmentation/color"]), colors)
    mean = (dehazed.astype(float) + colors) / 2
    assert np.abs(to_array(received["segmentation/overlay"]) - mean).max() <= 1
    assert list(calibrations[-1].k) == list(info.k)
    assert densities[-1].data == pytest.approx(expected.fog_density[0], rel=1e-3)
    assert visibilities[-1].data == pytest.approx(-np.log(0.05) / expected.fog_density[0], rel=1e-3)

    graph.wait(lambda: labels, "the label information")
    content = json.loads(labels[-1].data)
    assert [entry["class_name"] for entry in content["class_map"]] == list(CAMVID_11.names)
    assert content["unlabelled"] == 255


@pytest.mark.parametrize(("encoding", "answer"), [("rgb8", "rgb8"), ("bgr8", "bgr8"), ("mono8", "mono8")])
def test_an_image_is_answered_in_its_own_encoding(start: Start, encoding: str, answer: str) -> None:
    node = start()
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    assert node.ask(node.image(encoding), answers).encoding == answer


def test_bad_images_are_refused_one_by_one_and_good_ones_still_answered(start: Start) -> None:
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


def test_a_refused_image_shows_in_the_diagnostics_in_words(start: Start) -> None:
    node = start()
    node.graph.listen(Image, "/dehaze_node/image_dehazed")
    node.wait_until_active()
    message = node.image()
    message.encoding = "32FC1"
    node.graph.send_until(
        node.camera, message, lambda: "32FC1" in node.status.message, "a warning that names the encoding"
    )
    assert node.status.level == DiagnosticStatus.WARN


def test_the_resolution_may_change_at_any_time(start: Start) -> None:
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


def test_compressed_images_are_answered_and_corrupt_ones_refused(start: Start) -> None:
    node = start("-p", "image_transport:=compressed", "-r", "image_raw:=/front/image_raw")
    graph = node.graph
    camera = graph.node.create_publisher(CompressedImage, "/front/image_raw/compressed", 1)
    answers = graph.listen(Image, "/dehaze_node/image_dehazed")
    jpegs = graph.listen(CompressedImage, "/dehaze_node/image_dehazed/compressed")
    whole = cv2.imencode(".jpg", node.frame)[1].tobytes()

    cut = CompressedImage(header=node.header(), format="jpeg", data=whole[: len(whole) // 2])
    node.refuse(cut, "truncated", camera=camera)
    rubbish = CompressedImage(header=node.header(), format="jpeg", data=b"no picture")
    node.refuse(rubbish, "not a picture", camera=camera)
    good = CompressedImage(header=node.header(), format="jpeg", data=whole)
    answer = node.ask(good, answers, camera=camera)
    assert (answer.encoding, answer.height, answer.width) == ("rgb8", 60, 96)
    graph.wait(lambda: jpegs, "the answer as JPEG")
    assert cv2.imdecode(np.array(jpegs[-1].data), cv2.IMREAD_COLOR).shape == (60, 96, 3)


def test_the_strength_may_be_changed_down_to_nothing_while_frames_flow(start: Start) -> None:
    node = start("-p", "gate_attenuation:=0.0")
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    message = node.image("rgb8")
    assert node.ask(message, answers).data != message.data
    request = SetParameters.Request(parameters=[Parameter("dehaze_strength", value=0.0).to_parameter_msg()])
    assert node.graph.call(SetParameters, "/dehaze_node/set_parameters", request).results[0].successful
    message = node.image("rgb8")
    assert node.ask(message, answers) == message


def test_a_clear_frame_passes_the_fog_gate_bit_for_bit(start: Start) -> None:
    node = start("-p", "gate_attenuation:=1.0")
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    message = node.image("bgr8")
    answer = node.ask(message, answers)
    assert answer == message
    node.graph.wait(lambda: int(node.figures.get("passed as clear", "0")) > 0, "a frame counted as clear")


@pytest.fixture
def drawing_model(model_path: Path, tmp_path: Path) -> Path:
    """Return the small model as one that draws frames, and so tells no fog density."""
    model = onnx.load(model_path)
    scale = next(tensor for tensor in model.graph.initializer if tensor.name == "density_scale")
    scale.CopyFrom(onnx.numpy_helper.from_array(np.float32(np.nan), scale.name))
    onnx.helper.set_model_props(model, replace(artifact.read(model_path), draws=True).to_metadata())
    onnx.save(model, tmp_path / "drawing.onnx")
    return tmp_path / "drawing.onnx"


def test_without_a_fog_density_every_frame_is_dehazed_and_no_visibility_is_known(
    start: Start, drawing_model: Path, dehaze_harness: ModuleType
) -> None:
    with load(drawing_model, "onnxruntime") as dehazer:
        expected = dehazer(dehaze_harness.FRAME[None])
    assert expected.dehazed is not None
    node = start("-p", "gate_attenuation:=1.0", model=drawing_model)  # above all fog that the small model sees
    graph = node.graph
    answers = graph.listen(Image, "/dehaze_node/image_dehazed")
    visibilities = graph.listen(Float32, "/dehaze_node/visibility")
    dehazed = to_array(node.ask(node.image(), answers)).astype(int)
    assert abs(dehazed - expected.dehazed[0]).max() <= 1, "as the whole graph runs here, and our kernels there"
    graph.wait(lambda: visibilities, "a visibility")
    assert np.isnan(visibilities[-1].data)
    graph.wait(lambda: int(node.figures.get("frames out", "0")) > 0, "a frame is counted")
    assert {node.figures[name] for name in ("passed as clear", "failed", "refused")} == {"0"}
    assert {node.figures[name] for name in ("fog density", "visibility m")} == {"nan"}
    assert node.status.level != DiagnosticStatus.ERROR


def test_a_clear_jpeg_passes_the_fog_gate_bit_for_bit(start: Start) -> None:
    node = start("-p", "gate_attenuation:=1.0", "-p", "image_transport:=compressed")
    camera = node.graph.node.create_publisher(CompressedImage, "image_raw/compressed", 1)
    answers = node.graph.listen(CompressedImage, "/dehaze_node/image_dehazed/compressed")
    data = cv2.imencode(".jpg", node.frame)[1].tobytes()
    message = CompressedImage(header=node.header(), format="bgr8; jpeg compressed bgr8", data=data)
    assert node.ask(message, answers, camera=camera) == message


def test_nobody_listening_means_no_work_and_no_subscription(start: Start) -> None:
    node = start()
    graph = node.graph
    node.wait_until_active()
    labels = graph.listen(String, "/dehaze_node/segmentation/label_info", latched=True)
    graph.wait(lambda: labels, "the labels, which come of no frame")
    node.reports.clear()
    graph.wait(lambda: node.figures, "the next report")
    assert graph.node.count_subscribers("/image_raw") == graph.node.count_subscribers("/camera_info") == 0
    assert node.status.message.startswith("idle")
    for _ in range(3):  # as often as somebody comes and goes
        subscription = graph.node.create_subscription(Float32, "/dehaze_node/fog_density", lambda _: None, 1)
        graph.wait(lambda: graph.node.count_subscribers("/image_raw") == 1, "the node listens")
        graph.node.destroy_subscription(subscription)
        graph.wait(lambda: graph.node.count_subscribers("/image_raw") == 0, "the node has stopped listening")
    assert node.figures["frames out"] == "0"
    answers = graph.listen(Image, "/dehaze_node/image_dehazed")
    node.ask(node.image(), answers)


def test_a_node_that_is_not_lazy_listens_and_does_no_work_while_nobody_wants_to_know(start: Start) -> None:
    node = start("-p", "lazy:=false")
    node.wait_until_active()
    node.graph.send_until(
        node.camera, node.image(), lambda: int(node.figures["not wanted"]) >= 2, "frames that nobody wanted"
    )
    assert node.figures["frames out"] == "0"
    assert node.figures["model p50 ms"] == "nan"
    assert node.status.message.startswith("idle")


def test_a_calibration_comes_to_those_who_wait_for_it_before_they_ask_for_images(start: Start) -> None:
    node = start()
    calibrations = node.graph.listen(CameraInfo, "/dehaze_node/camera_info")
    info_sender = node.graph.node.create_publisher(CameraInfo, "camera_info", 1)
    message = node.image()
    node.graph.send_until(
        node.camera, message, lambda: info_sender.publish(CameraInfo(width=96)) or calibrations, "the calibration"
    )
    assert (calibrations[-1].width, calibrations[-1].header) == (96, message.header)


def test_a_stamp_that_no_clock_shows_is_kept(start: Start) -> None:
    node = start()
    node.wait_until_active()  # only then do reports hold figures
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    for sec in (-5, 0, 2**31 - 1):
        message = node.image()
        message.header.stamp.sec = sec
        assert node.ask(message, answers).header.stamp.sec == sec
    node.graph.wait(lambda: int(node.figures["frames out"]) >= 3, "answers are counted")
    assert node.figures["failed"] == "0"


def test_a_burst_is_cut_to_its_newest_frame(start: Start) -> None:
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


def test_the_mask_comes_at_the_networks_size_when_asked_for(start: Start, expected: Any) -> None:
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
