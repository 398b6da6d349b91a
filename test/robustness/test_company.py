"""Dehaze nodes beside each other, in one process and in several: what happens to one is nothing to the other."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from builtin_interfaces.msg import Time
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from dfs_core.runtime import load
from dfs_ros.image_message import from_array, to_array

Start = Callable[..., Any]

TWO_NODES = """
import sys
import rclpy
from rclpy.executors import SingleThreadedExecutor
from dfs_ros import middleware
from dfs_ros.dehaze_node import DehazeNode

def both():
    middleware.prepare()
    rclpy.init(args=sys.argv)
    executor = SingleThreadedExecutor()
    for side in ("left", "right"):
        executor.add_node(DehazeNode(namespace=side))
    executor.spin()

both()
"""


class Side:
    """One of two nodes, by its namespace."""

    def __init__(self, graph: Any, name: str) -> None:
        self.graph, self.name, self._sent = graph, name, 0
        self.camera = graph.node.create_publisher(Image, f"/{name}/image_raw", 1)
        self.answers = graph.listen(Image, f"/{name}/dehaze_node/image_dehazed")
        self.frame = np.random.default_rng(len(name)).integers(0, 256, (48, 80, 3), np.uint8)

    def ask(self) -> np.ndarray:
        """Return the answer to this side's frame."""
        self._sent += 1
        header = Header(stamp=Time(sec=self._sent), frame_id=self.name)
        message = from_array(self.frame, header, "rgb8", Image)
        return to_array(
            self.graph.send_until(
                self.camera,
                message,
                lambda: next((answer for answer in self.answers if answer.header == header), None),
                f"an answer of {self.name}",
            )
        )

    def change(self, transition: int) -> bool:
        """Ask for a lifecycle transition."""
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.graph.call(ChangeState, f"/{self.name}/dehaze_node/change_state", request).success


def expected(model: Path, side: Side) -> np.ndarray:
    with load(model, "onnxruntime") as dehazer:
        return dehazer(side.frame[None]).dehazed[0]


def test_two_nodes_in_one_process_do_not_disturb_each_other(graph: Any, model_path: Path, tmp_path: Path) -> None:
    script = tmp_path / "two_nodes.py"
    script.write_text(TWO_NODES)
    options = (f"model:={model_path}", "backend:=onnxruntime")
    words = (word for option in options for word in ("-p", option))
    process = graph.run([sys.executable, str(script), "--ros-args", *words])
    left, right = (Side(graph, name) for name in ("left", "right"))
    for side in (left, right, left):
        np.testing.assert_array_equal(side.ask(), expected(model_path, side))
    assert left.change(Transition.TRANSITION_DEACTIVATE)
    assert left.change(Transition.TRANSITION_CLEANUP)
    np.testing.assert_array_equal(right.ask(), expected(model_path, right))
    assert left.change(Transition.TRANSITION_CONFIGURE)
    assert left.change(Transition.TRANSITION_ACTIVATE)
    np.testing.assert_array_equal(left.ask(), expected(model_path, left))
    assert "Traceback" not in process.output


def test_two_processes_do_not_disturb_each_other(start: Start, model_path: Path) -> None:
    nodes = [start("-r", f"__ns:=/{name}") for name in ("left", "right")]
    left, right = (Side(nodes[0].graph, name) for name in ("left", "right"))
    for side in (left, right):
        np.testing.assert_array_equal(side.ask(), expected(model_path, side))
    nodes[0].process.kill()
    for _ in range(10):
        np.testing.assert_array_equal(right.ask(), expected(model_path, right))
    assert nodes[1].process.stop(signal.SIGTERM) == 0
    assert "Traceback" not in nodes[1].process.output
