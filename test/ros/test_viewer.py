"""The viewer node: it listens while somebody looks, and to nothing else."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="needs the extra [view]")
pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

import aiohttp
import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header, String

from dfs_core.errors import ConfigError
from dfs_core.labels import CAMVID_11
from dfs_ros import label_info
from dfs_ros.image_message import from_array
from dfs_ros.running_nodes import choose

STATUS = "/dehaze_node: dehazing"


class Viewer:
    """A viewer of two cameras in a process of its own, and what a browser was told of one of them."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.process = graph.start(
            "dfs_ros.viewer", "-p", "port:=0", "-p", "images:=[image_raw, other/image_raw]",
            "-p", "answers:=[dehaze_node, other/dehaze_node]",
        )  # fmt: skip
        found = graph.wait(lambda: re.search(r"open (http://127\.0\.0\.1:\d+/)", self.process.output), "an address")
        self.address = found[1]
        self.answers: list[dict[str, Any]] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at the first camera while inside the `with` block."""
        loop, end = asyncio.new_event_loop(), asyncio.Event()
        thread = threading.Thread(target=lambda: loop.run_until_complete(self._look(end)))
        thread.start()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(end.set)
            thread.join()
            loop.close()

    async def _look(self, end: asyncio.Event) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{self.address}stream/0") as stream:
            while not end.is_set():
                await stream.send_str("")
                answer = await stream.receive_bytes()
                self.answers.append(json.loads(answer[4 : 4 + int.from_bytes(answer[:4], "big")]))


@pytest.fixture
def viewer(graph: Any) -> Viewer:
    return Viewer(graph)


def test_it_subscribes_while_somebody_looks_and_to_nothing_else(graph: Any, viewer: Viewer) -> None:
    cameras = [graph.node.create_publisher(Image, name, 1) for name in ("image_raw", "other/image_raw")]
    graph.wait(lambda: "viewer" in graph.node.get_node_names(), "the viewer is seen")
    outputs = ("image_dehazed/compressed", "segmentation/mask", "visibility")

    def listened() -> int:
        own = sum(graph.node.count_subscribers(f"/dehaze_node/{name}") for name in outputs)
        return own + sum(camera.get_subscription_count() for camera in cameras)

    assert listened() == 0
    with viewer.watched():
        graph.wait(lambda: listened() == len(outputs) + 1, "the watched camera is listened to")
    graph.wait(lambda: listened() == 0, "nothing is listened to when nobody looks")


@pytest.mark.usefixtures("graph")
def test_the_nodes_report_and_trouble_reach_the_page(graph: Any, viewer: Viewer) -> None:
    reports = graph.node.create_publisher(DiagnosticArray, "/diagnostics", 10)

    def told(level: bytes, message: str, state: str) -> Callable[[], bool]:
        """Report, and say whether the newest answer shows it."""
        other = DiagnosticStatus(name="/dehaze_node: dehazing other", level=DiagnosticStatus.ERROR, message="not ours")
        values = [KeyValue(key="state", value="active")]
        ours = DiagnosticStatus(name=STATUS, level=level, message=message, values=values)

        def shown() -> bool:
            reports.publish(DiagnosticArray(status=[other, ours]))
            newest = viewer.answers[-1] if viewer.answers else {"report": "", "state": ""}
            return (newest["report"], newest["state"]) == (message, state)

        return shown

    with viewer.watched():
        graph.wait(lambda: viewer.answers and viewer.answers[-1]["report"] == "", "an answer before any report")
        assert "has not reported yet" in viewer.answers[-1]["words"]
        graph.wait(told(DiagnosticStatus.OK, "idle", "waiting"), "the page waits for images")
        graph.wait(told(DiagnosticStatus.ERROR, "out of memory", "error"), "the page shows the error")


class Frames:
    """A camera's images and a node's answers to them, each with a stamp of its own."""

    def __init__(self, graph: Any) -> None:
        self._publishers = {
            kind: graph.node.create_publisher(kind_of, topic, 5)
            for kind, kind_of, topic in (
                ("camera", Image, "/image_raw"),
                ("dehazed", CompressedImage, "/dehaze_node/image_dehazed/compressed"),
                ("mask", Image, "/dehaze_node/segmentation/mask"),
            )
        }
        self._second = 0

    def send(self, mask_bytes: int = 4) -> None:
        """Send a frame whose mask of 2x2 pixels has so many bytes."""
        self._second += 1
        header = Header(stamp=Time(sec=self._second))
        mask = Image(header=header, height=2, width=2, step=2, encoding="mono8", data=bytes(mask_bytes))
        self._publishers["mask"].publish(mask)
        self._publishers["dehazed"].publish(CompressedImage(header=header, data=bytes(9)))
        self._publishers["camera"].publish(from_array(np.zeros((2, 2, 3), np.uint8), header, "rgb8", Image))


def test_labels_and_masks_that_cannot_be_read_are_refused_in_words_and_all_else_is_shown(
    graph: Any, viewer: Viewer
) -> None:
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    labels = graph.node.create_publisher(String, "/dehaze_node/segmentation/label_info", latched)
    labels.publish(String(data=label_info.to_json(CAMVID_11)))
    frames = Frames(graph)

    def shown(overlay: bool, since: int, mask_bytes: int = 4) -> Callable[[], bool]:
        """Send frames, and say whether a newer answer than some shows one with or without overlay."""
        names = ["sky"] if overlay else []  # the class of id 0

        def is_shown() -> bool:
            frames.send(mask_bytes)
            pictured = [answer for answer in viewer.answers[since:] if answer["sizes"]]
            return any(
                [entry["name"] for entry in answer["classes"]] == names and bool(answer["sizes"][2]) == overlay
                for answer in pictured
            )

        return is_shown

    with viewer.watched():
        graph.wait(shown(overlay=True, since=0), "a frame with its classes")
        labels.publish(String(data="[]"))
        graph.wait(lambda: "label_info refused: label info '[]' is not JSON" in viewer.process.output, "a refusal")
        graph.wait(shown(overlay=True, since=len(viewer.answers)), "the classes that were known before")
        graph.wait(shown(overlay=False, since=len(viewer.answers), mask_bytes=3), "a frame without overlay")
        assert "segmentation/mask refused: mask 'mono8' of 2x2 pixels: has step 2" in viewer.process.output
        graph.wait(shown(overlay=True, since=len(viewer.answers)), "a frame with overlay again")
    assert viewer.process.stop() == 0


def test_it_ends_at_once_and_without_a_traceback_while_somebody_looks(graph: Any, viewer: Viewer) -> None:
    async def look_until_closed() -> int | None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{viewer.address}stream/0") as stream:
            await stream.send_str("")
            await stream.receive_bytes()
            stopping = asyncio.create_task(asyncio.to_thread(viewer.process.stop))
            while (await stream.receive()).type == aiohttp.WSMsgType.BINARY:
                pass
            codes.append(await stopping)
            return stream.close_code

    codes: list[int] = []
    assert asyncio.run(look_until_closed()) == aiohttp.WSCloseCode.GOING_AWAY
    assert codes == [0]
    assert "Traceback" not in viewer.process.output


def test_wrong_parameters_are_refused_in_words(graph: Any) -> None:
    process = graph.start("dfs_ros.viewer", "-p", "images:=[a, b]", "-p", "answers:=[c]")
    graph.wait(lambda: not process.is_running, "the viewer ends")
    assert "2 images but 1 answers; name one of each for a camera" in process.output


def test_the_outputs_of_a_node_with_many_cameras_are_told_apart_by_name() -> None:
    roots = ["/dehaze_node/front", "/dehaze_node/rear"]
    assert choose(roots, "/rear/image_raw") == "/dehaze_node/rear"
    assert choose(["/any"], "/rear/image_raw") == "/any"
    with pytest.raises(ConfigError, match="which of /dehaze_node/front, /dehaze_node/rear answers it"):
        choose(roots, "/left/image_raw")
