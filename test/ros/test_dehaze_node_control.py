"""What an operator can do to a dehaze node while frames flow, over real DDS."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.srv import DescribeParameters, SetParametersAtomically
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, String
from std_srvs.srv import SetBool, Trigger

from dfs_core import artifact
from dfs_core.labels import LabelSet
from dfs_core.runtime import load
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.image_message import to_array
from dfs_ros.parameters import NEVER

Start = Callable[..., Any]


@pytest.fixture
def models(model_path: Path, tmp_path: Path) -> Path:
    """Return a folder with the small model as "now.onnx", and with another that turns all black as "next.onnx"."""
    model = onnx.load(model_path)
    onnx.save(model, tmp_path / "now.onnx")
    nodes = model.graph.node
    place = next(index for index, node in enumerate(nodes) if artifact.RESTORATION in node.output)
    nodes[place].output[list(nodes[place].output).index(artifact.RESTORATION)] = "gain_offset"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((), np.float32), "nothing"))
    nodes.insert(place + 1, onnx.helper.make_node("Mul", ["gain_offset", "nothing"], [artifact.RESTORATION]))
    described = artifact.read(model_path)
    labels = LabelSet("other", described.labels.classes)
    onnx.helper.set_model_props(model, replace(described, name="next_model", labels=labels).to_metadata())
    onnx.save(model, tmp_path / "next.onnx")
    return tmp_path


def reload(node: Any) -> Any:
    """Ask for the model to be loaded again, send frames until that is answered, and return the answer."""
    graph = node.graph
    client = graph.node.create_client(Trigger, "/dehaze_node/reload_model")
    graph.wait(client.service_is_ready, "the service")
    future = client.call_async(Trigger.Request())
    graph.wait(lambda: node.camera.publish(node.image()) or future.done(), "an answer")
    return future.result()


def test_a_new_model_takes_over_between_frames_and_a_bad_one_does_not(start: Start, models: Path) -> None:
    node = start(model=models / "now.onnx")
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    labels = node.graph.listen(String, "/dehaze_node/segmentation/label_info", latched=True)
    with load(models / "now.onnx", "onnxruntime") as dehazer:
        before = dehazer(node.frame[None]).dehazed[0]
    np.testing.assert_array_equal(to_array(node.ask(node.image(), answers)), before)

    (models / "bad.onnx").write_bytes(b"this is no model")
    assert node.set_parameters(model=str(models / "bad.onnx"))[0].successful
    refused = reload(node)
    assert not refused.success
    assert str(models / "bad.onnx") in refused.message
    assert refused.message.endswith("the model before goes on")
    np.testing.assert_array_equal(to_array(node.ask(node.image(), answers)), before)

    assert node.set_parameters(model=str(models / "next.onnx"))[0].successful
    accepted = reload(node)
    assert accepted.success
    assert accepted.message.startswith("running next_model on onnxruntime")
    assert not to_array(node.ask(node.image(), answers)).any()
    for answer in answers:
        dehazed = to_array(answer)
        assert not dehazed.any() or np.array_equal(dehazed, before), "every frame is of one model or the other"
    stamps = [answer.header.stamp.sec for answer in answers]
    assert stamps == sorted(stamps)
    node.graph.wait(lambda: json.loads(labels[-1].data)["label_set"] == "other", "the labels of the new model")
    node.graph.wait(lambda: node.figures.get("model") == "next_model", "the diagnostics name the new model")
    figures = node.next_figures
    assert figures["failed"] == figures["refused"] == "0"
    assert "Traceback" not in node.process.output


def save_with_nan(model_path: Path, constant: str, target: Path) -> Path:
    """Save a model with one of its constants not a number, and return its path."""
    model = onnx.load(model_path)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == constant)
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.array(np.nan, np.float32), constant))
    onnx.save(model, target)
    return target


def test_a_model_that_answers_what_is_no_number_is_refused_and_the_one_before_goes_on(
    start: Start, models: Path
) -> None:
    node = start(model=models / "now.onnx")
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    before = to_array(node.ask(node.image(), answers))
    for constant, words in (("density_scale", "a fog density of nan"), ("offset_range", "are not finite")):
        file = save_with_nan(models / "now.onnx", constant, models / f"{constant}.onnx")
        assert node.set_parameters(model=str(file))[0].successful
        refused = reload(node)
        assert not refused.success
        assert words in refused.message
        assert refused.message.endswith("the model before goes on")
        np.testing.assert_array_equal(to_array(node.ask(node.image(), answers)), before)
    assert node.next_figures["failed"] == "0"


def test_a_model_that_answers_what_is_no_number_is_not_configured(start: Start, models: Path) -> None:
    node = start(model=save_with_nan(models / "now.onnx", "density_scale", models / "nan.onnx"))
    node.graph.wait(lambda: node.status.level == DiagnosticStatus.ERROR, "an error in the diagnostics")
    assert "answered a trial frame with a fog density of nan" in node.status.message
    assert node.figures["state"] == "unconfigured"


def test_of_models_that_were_exchanged_nothing_is_left(start: Start) -> None:
    node = start("-p", "backend:=openvino")
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")  # and no mask: another network than at the start
    node.ask(node.image(), answers)
    assert reload(node).success  # what is made once is there now
    memory, threads = node.process.resident_mb, node.process.thread_count
    for _ in range(10):
        assert reload(node).success
    assert node.process.resident_mb < memory + 30.0
    assert node.process.thread_count <= threads + 1, "one may just be ending"
    node.ask(node.image(), answers)
    stamps = [answer.header.stamp.sec for answer in answers]
    assert stamps == sorted(stamps)
    assert node.next_figures["failed"] == "0"


def test_a_file_replaced_in_its_place_is_loaded_again(start: Start, models: Path) -> None:
    node = start(model=models / "now.onnx")
    node.wait_until_active()
    (models / "next.onnx").replace(models / "now.onnx")
    assert reload(node).message.startswith("running next_model")


def test_no_file_outside_of_the_roots_is_read(start: Start, models: Path, tmp_path_factory: Any) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret.onnx"
    elsewhere.write_bytes((models / "next.onnx").read_bytes())
    (models / "link.onnx").symlink_to(elsewhere)
    node = start(model=models / "now.onnx")
    node.wait_until_active()
    for path in (elsewhere, models / "link.onnx", models / ".." / elsewhere.parent.name / elsewhere.name):
        answer = node.set_parameters(model=str(path))[0]
        assert not answer.successful
        assert f"must name a file in or below {models}" in answer.reason
    assert not node.set_parameters(model_roots=["/"])[0].successful
    assert node.set_parameters(model="dfs_fast")[0].successful, "what ships is always allowed"


def test_a_model_outside_of_the_roots_ends_the_start_in_words(start: Start, models: Path) -> None:
    node = start("-p", "model_roots:=[/nowhere]", model=models / "now.onnx")
    node.graph.wait(lambda: not node.process.is_running, "the process ends")
    assert node.process.stop() == 1
    assert "must name a file in or below /nowhere, " in node.process.output


def test_there_is_nothing_to_reload_while_unconfigured(start: Start) -> None:
    node = start("-p", "autostart:=false")
    answer = node.graph.call(Trigger, "/dehaze_node/reload_model", Trigger.Request())
    assert not answer.success
    assert "the node is unconfigured" in answer.message


def test_while_disabled_frames_pass_as_they_are_and_no_model_runs(start: Start) -> None:
    node = start()
    graph = node.graph
    answers = graph.listen(Image, "/dehaze_node/image_dehazed")
    masks = graph.listen(Image, "/dehaze_node/segmentation/mask")
    visibilities = graph.listen(Float32, "/dehaze_node/visibility")
    assert graph.call(SetBool, "/dehaze_node/enable", SetBool.Request(data=False)).success
    message = node.image()
    assert node.ask(message, answers) == message
    graph.wait(lambda: visibilities, "a visibility")
    assert np.isnan(visibilities[-1].data)
    graph.wait(lambda: node.status.message.startswith("disabled"), "the diagnostics say so")
    assert not masks
    assert node.figures["model p50 ms"] == "nan"
    assert graph.call(SetBool, "/dehaze_node/enable", SetBool.Request(data=True)).success
    message = node.image()
    assert node.ask(message, answers) != message


def test_parameters_tell_their_ranges_and_change_together_or_not_at_all(start: Start) -> None:
    node = start()
    node.wait_until_active()
    defaults = {entry.name: entry for entry in fields(DehazeParameters)}
    request = DescribeParameters.Request(names=list(defaults))
    answer = node.graph.call(DescribeParameters, "/dehaze_node/describe_parameters", request)
    told = {descriptor.name: descriptor for descriptor in answer.descriptors}
    for name, entry in defaults.items():
        assert told[name].description
        assert told[name].read_only == (entry.metadata["settable"] == NEVER)
        if type(entry.default) in {int, float}:
            (limits,) = [*told[name].integer_range, *told[name].floating_point_range]
            assert limits.from_value <= entry.default <= limits.to_value
    quality, opacity = told["jpeg_quality"].integer_range[0], told["overlay_opacity"].floating_point_range[0]
    assert (quality.from_value, quality.to_value, opacity.from_value, opacity.to_value) == (1, 100, 0.0, 1.0)
    assert told["model_roots"].read_only

    values = {"jpeg_quality": 50, "mask_resolution": "huge"}
    together = SetParametersAtomically.Request(
        parameters=[Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    )
    answer = node.graph.call(SetParametersAtomically, "/dehaze_node/set_parameters_atomically", together).result
    assert not answer.successful
    assert "one of image, network" in answer.reason
