"""A dehaze node in a process of its own, and what a test needs to talk to it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from dfs_ros.image_message import from_array

PROGRAM = ("-m", "dfs_ros.dehaze_node")

FRAME = np.random.default_rng(3).integers(0, 256, (60, 96, 3), np.uint8)


class DehazeNode:
    """A dehaze node that runs the small model, and the topics that a test uses."""

    frame = FRAME

    def __init__(self, graph: Any, model_path: Path, *ros_args: str, program: Sequence[str] = PROGRAM) -> None:
        self.graph = graph
        given = ("--ros-args", "-p", f"model:={model_path}", "-p", "backend:=onnxruntime", *ros_args)
        self.process = graph.run([sys.executable, *program, *given])
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

    @property
    def next_figures(self) -> dict[str, str]:
        """The figures of a report that was begun after now: the next but one, as one may be on its way."""
        seen = len(self.reports)
        self.graph.wait(lambda: len(self.reports) >= seen + 2, "two more reports")
        return self.figures

    def figures_of(self, what: str) -> dict[str, str]:
        """Return those figures of the newest report that are about a camera, or about "model"; empty before."""
        statuses = self.reports[-1].status if self.reports else []
        found = [status for status in statuses if status.name.endswith(f" {what}")]
        return {entry.key: entry.value for status in found for entry in status.values}

    def set_parameters(self, **values: Any) -> list[Any]:
        """Set parameters one by one and return the results."""
        parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        request = SetParameters.Request(parameters=parameters)
        results: list[Any] = self.graph.call(SetParameters, "/dehaze_node/set_parameters", request).results
        return results

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
