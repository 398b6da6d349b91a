"""SIGINT and SIGTERM end a dehaze node without a traceback, and without waiting for what it is at."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

Start = Callable[..., Any]

BUSY_SECONDS = 0.5

FEW_ROWS = 540
"""Of the frames that a node warms its model up with."""

ROUNDS_PER_ROW = 1000
"""Of some hundred microseconds each, so that a node that waits for the model does not end in time."""

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def slow_model(model_path: Path, target: Path, *, above_rows: int) -> Path:
    """Write a model that computes for a minute on frames of more than `above_rows` rows, and return its path."""
    helper, constant = onnx.helper, onnx.numpy_helper.from_array
    model = onnx.load(model_path)
    next(node for node in model.graph.node if "fog_density" in node.output).output[0] = "density_at_once"
    tensor, side = helper.make_tensor_value_info, 256
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["before", "zeros"], ["after"]),
            helper.make_node("Identity", ["condition"], ["go_on"]),
        ],
        "round",
        [
            tensor("round_number", onnx.TensorProto.INT64, []),
            tensor("condition", onnx.TensorProto.BOOL, []),
            tensor("before", onnx.TensorProto.FLOAT, [side, side]),
        ],
        [tensor("go_on", onnx.TensorProto.BOOL, []), tensor("after", onnx.TensorProto.FLOAT, [side, side])],
    )
    model.graph.initializer.extend(
        [
            constant(np.zeros((side, side), np.float32), "zeros"),
            constant(np.array([above_rows], np.int64), "rows_at_once"),
            constant(np.array([ROUNDS_PER_ROW], np.int64), "rounds_per_row"),
            constant(np.array([], np.int64), "scalar"),
        ]
    )
    model.graph.node.extend(
        [
            helper.make_node("Sub", ["height", "rows_at_once"], ["rows"]),
            helper.make_node("Mul", ["rows", "rounds_per_row"], ["rounds_list"]),
            helper.make_node("Reshape", ["rounds_list", "scalar"], ["rounds"]),
            helper.make_node("Loop", ["rounds", "", "zeros"], ["still_zeros"], body=body),
            helper.make_node("ReduceMax", ["still_zeros"], ["zero"], keepdims=0),
            helper.make_node("Add", ["density_at_once", "zero"], ["fog_density"]),
        ]
    )
    onnx.save(model, target)
    return target


def wait_until_busy(node: Any) -> None:
    """Wait until the node has computed for a while."""

    def seconds() -> float:
        fields = Path(f"/proc/{node.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    begin = seconds()
    node.graph.wait(lambda: seconds() > begin + BUSY_SECONDS, "the node computes")


def ends_well(node: Any, number: signal.Signals) -> None:
    """Send the signal and expect a quiet end, soon."""
    code = node.process.stop(number)
    assert code == 0, node.process.output
    assert "Traceback" not in node.process.output


@SIGNALS
def test_while_it_is_configured(start: Start, model_path: Path, tmp_path: Path, number: signal.Signals) -> None:
    node = start("-p", "autostart:=false", model=slow_model(model_path, tmp_path / "slow.onnx", above_rows=0))
    client = node.graph.node.create_client(ChangeState, "/dehaze_node/change_state")
    node.graph.wait(client.service_is_ready, "the service")
    client.call_async(ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE)))
    wait_until_busy(node)
    ends_well(node, number)


@SIGNALS
def test_while_a_frame_is_in_the_model(start: Start, model_path: Path, tmp_path: Path, number: signal.Signals) -> None:
    node = start(model=slow_model(model_path, tmp_path / "slow.onnx", above_rows=FEW_ROWS))
    node.ask(node.image(), node.graph.listen(Image, "/dehaze_node/image_dehazed"))
    large = np.zeros((2 * FEW_ROWS, 64, 3), np.uint8)
    for _ in range(3):
        node.camera.publish(node.image(frame=large))
    wait_until_busy(node)
    assert node.process.is_running
    ends_well(node, number)


@SIGNALS
def test_while_a_model_is_loaded_again(start: Start, model_path: Path, tmp_path: Path, number: signal.Signals) -> None:
    slow = slow_model(model_path, tmp_path / "slow.onnx", above_rows=0)
    node = start("-p", f"model_roots:=[{model_path.parent}, {tmp_path}]")
    node.ask(node.image(), node.graph.listen(Image, "/dehaze_node/image_dehazed"))
    request = SetParameters.Request(parameters=[Parameter("model", value=str(slow)).to_parameter_msg()])
    assert node.graph.call(SetParameters, "/dehaze_node/set_parameters", request).results[0].successful
    client = node.graph.node.create_client(Trigger, "/dehaze_node/reload_model")
    node.graph.wait(client.service_is_ready, "the service")
    client.call_async(Trigger.Request())
    wait_until_busy(node)
    ends_well(node, number)
