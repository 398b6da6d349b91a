"""How the dehaze node starts, is set up, fails and ends, over real DDS."""

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import Image

Start = Callable[..., Any]


def test_lifecycle_transitions_start_and_stop_the_stream(start: Start) -> None:
    node = start("-p", "autostart:=false")
    graph = node.graph
    answers = graph.listen(Image, "/dehaze_node/image_dehazed")

    def change(transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return graph.call(ChangeState, "/dehaze_node/change_state", request).success

    def state() -> int:
        return graph.call(GetState, "/dehaze_node/get_state", GetState.Request()).current_state.id

    assert state() == State.PRIMARY_STATE_UNCONFIGURED
    threads = set()
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
        graph.wait(lambda: graph.node.count_publishers("/dehaze_node/image_dehazed") == 0, "the outputs are gone")
        threads.add(node.process.thread_count)
    assert len(threads) == 1, "a second cycle leaves no thread more behind"
    assert change(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    assert node.process.stop() == 0


def test_a_file_that_is_no_model_is_named_and_can_be_replaced(start: Start, model_path: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"this is no model")
    node = start("-p", f"model_roots:=[{model_path.parent}, {tmp_path}]", model=wrong)
    graph = node.graph
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
    start: Start, model_blind_to_black: Path
) -> None:
    node = start(model=model_blind_to_black)
    graph = node.graph
    graph.listen(Image, "/dehaze_node/image_dehazed")
    message = node.image(frame=np.zeros_like(node.frame))
    graph.send_until(node.camera, message, lambda: int(node.figures.get("failed", "0")) >= 2, "two frames that failed")
    graph.send_until(
        node.camera, message, lambda: node.status.level == DiagnosticStatus.ERROR, "an error in the diagnostics"
    )
    assert "fog density of nan" in node.status.message
    assert "fog density of nan" in node.process.output
    assert node.process.stop() == 0


def test_quality_of_service_follows_the_parameters_that_ros_has_for_it(start: Start) -> None:
    node = start("-p", "lazy:=false", "-p", "qos_overrides./image_raw.subscription.reliability:=reliable")
    node.wait_until_active()

    def offered() -> list[Any]:
        return node.graph.node.get_subscriptions_info_by_topic("/image_raw")

    node.graph.wait(offered, "the node's subscription")
    assert offered()[0].qos_profile.reliability == ReliabilityPolicy.RELIABLE
    info = node.graph.wait(
        lambda: node.graph.node.get_subscriptions_info_by_topic("/camera_info"), "the calibration's subscription"
    )
    assert info[0].qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT


def test_parameters_are_checked_while_the_node_runs(start: Start) -> None:
    node = start()
    node.wait_until_active()

    def change(name: str, value: Any) -> Any:
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        return node.graph.call(SetParameters, "/dehaze_node/set_parameters", request).results[0]

    assert change("gate_attenuation", 0.01).successful
    assert "Min: 0.0, Max: 1.0, value: -0.01" in change("gate_attenuation", -0.01).reason
    assert "one of image, network" in change("mask_resolution", "huge").reason
    assert "Max: 100, value: 101" in change("jpeg_quality", 101).reason
    assert "clean it up first" in change("backend", "openvino").reason
    assert "read-only parameter: autostart" in change("autostart", False).reason


def test_a_transition_that_is_not_possible_is_refused_and_the_node_goes_on(start: Start) -> None:
    node = start()
    node.wait_until_active()
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_ACTIVATE))
    assert not node.graph.call(ChangeState, "/dehaze_node/change_state", request).success
    node.ask(node.image(), node.graph.listen(Image, "/dehaze_node/image_dehazed"))
    assert "Traceback" not in node.process.output


def test_a_parameter_out_of_range_ends_the_start_in_words(start: Start) -> None:
    node = start("-p", "image_transport:=pigeon")
    node.graph.wait(lambda: not node.process.is_running, "the process ends")
    assert node.process.stop() == 1
    assert "image_transport must be one of raw, compressed, not 'pigeon'" in node.process.output
    assert "Traceback" not in node.process.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_running_node_at_once_and_cleanly(start: Start, number: signal.Signals) -> None:
    node = start()
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    node.ask(node.image(), answers)
    for _ in range(5):
        node.camera.publish(node.image())
    code = node.process.stop(number)
    assert code == 0, node.process.output
    assert "Traceback" not in node.process.output
    assert "rror" not in node.process.output


def test_a_node_that_ends_leaves_no_shared_memory(start: Start) -> None:
    node = start()
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed")
    node.ask(node.image(), answers)
    maps = Path(f"/proc/{node.process.pid}/maps").read_text()
    own = set(re.findall(r"/dev/shm/fastrtps_[0-9a-f]{16}$", maps, re.MULTILINE))  # noqa: S108 (middleware)
    others = Path("/proc/self/maps").read_text()
    segments = {segment for segment in own if segment not in others}  # this process made the others
    assert segments, "the profile asks for shared memory"
    code = node.process.stop()
    assert code == 0, node.process.output
    assert [segment for segment in segments if Path(segment).exists()] == []


def test_a_signal_while_the_model_is_being_loaded_ends_the_node_at_once(start: Start) -> None:
    node = start("-p", "backend:=auto")
    node.graph.wait(lambda: "dehaze_node" in node.graph.node.get_node_names(), "the node appears")
    code = node.process.stop()
    assert code == 0, node.process.output
    assert "Traceback" not in node.process.output


def test_the_choice_of_backend_is_logged_with_its_reasons(start: Start) -> None:
    node = start("-p", "backend:=auto")
    node.wait_until_active()
    line = next(line for line in node.process.output.splitlines() if "running test_model on " in line)
    assert f"on {node.figures['backend']} in {node.figures['precision']}; " in line


def test_a_camera_that_is_silent_is_named(start: Start) -> None:
    node = start("-p", "lazy:=false", "-r", "image_raw:=/front/image_raw")
    node.graph.wait(lambda: node.status.level == DiagnosticStatus.WARN, "a warning")
    assert "no image on /front/image_raw" in node.status.message
