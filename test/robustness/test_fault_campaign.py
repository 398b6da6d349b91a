"""Thousands of faulty messages over real DDS, drawn from fixed seeds; good frames are answered all the while."""

import itertools
import time
from collections.abc import Callable
from statistics import median
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

import rclpy
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetAvailableStates, GetState
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from dfs_ros.image_message import to_compressed

Start = Callable[..., Any]

MESSAGES = 5000
"""Faulty ones per transport; there are two."""

FAULTY = [f"faulty{number}" for number in range(20)]
PEACE = 20
"""Good frames that are answered before the first fault, to know how fast this machine is."""

SETTING = Parameter("jpeg_quality", value=80).to_parameter_msg()
CALLS = (
    (GetState, "get_state", GetState.Request(), lambda answer: answer.current_state.id == State.PRIMARY_STATE_ACTIVE),
    (GetParameters, "get_parameters", GetParameters.Request(names=["model"]), lambda answer: answer.values),
    (GetAvailableStates, "get_available_states", GetAvailableStates.Request(), lambda answer: answer.available_states),
    (ListParameters, "list_parameters", ListParameters.Request(), lambda answer: answer.result.names),
    (SetParameters, "set_parameters", SetParameters.Request(parameters=[SETTING]), lambda a: a.results[0].successful),
    (DescribeParameters, "describe_parameters", DescribeParameters.Request(names=["model"]), lambda a: a.descriptors),
)


class Campaign:
    """A node with cameras that send faulty messages, and one that sends good ones."""

    def __init__(self, start: Start, transport: str) -> None:
        self.is_raw = transport == "raw"
        cameras = ", ".join((*FAULTY, "good"))
        options = (f"cameras:=[{cameras}]", f"image_transport:={transport}", "max_pixels:=100000")
        self.node = start(*(word for option in options for word in ("-p", option)))
        self.graph = self.node.graph
        self._kind, suffix = (Image, "image_raw") if self.is_raw else (CompressedImage, "image_raw/compressed")
        publish = self.graph.node.create_publisher
        self._good = publish(self._kind, f"good/{suffix}", 1)
        self.images = [publish(self._kind, f"{name}/{suffix}", 1) for name in FAULTY]
        self.calibrations = [publish(CameraInfo, f"{name}/camera_info", 1) for name in FAULTY]
        self._answers = self.graph.listen(Image, "/dehaze_node/good/image_dehazed")
        self._silent = rclpy.create_node("silent", context=self.graph.node.context)
        self.calibrations_in_use: set[str] = set()
        quality = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        for name in FAULTY:
            root = f"/dehaze_node/{name}/segmentation"
            self._silent.create_subscription(Image, f"{root}/overlay", print, quality)  # made, but not looked at
            self.graph.node.create_subscription(CameraInfo, f"{root}/camera_info", self._calibration_came, quality)
        self._calls = itertools.cycle(
            [(self.graph.node.create_client(kind, f"/dehaze_node/{name}"), *rest) for kind, name, *rest in CALLS]
        )

    def wait_until_all_are_connected(self) -> None:
        """Wait until no message can miss its way."""
        publishers = (*self.images, *self.calibrations, self._good)
        self.graph.wait(lambda: all(one.get_subscription_count() for one in publishers), "the node's subscriptions")

    def ask_good(self) -> float:
        """Return how many seconds the answer to a good frame takes."""
        message = self.node.image()
        if not self.is_raw:
            message = to_compressed(self.node.frame, message.header, CompressedImage)
        del self._answers[:]
        begin = time.monotonic()
        self._good.publish(message)
        again = begin + 0.4  # best effort may lose it

        def is_answered() -> bool:
            nonlocal again
            if time.monotonic() > again:
                self._good.publish(message)
                again = time.monotonic() + 0.4
            return any(answer.header == message.header for answer in self._answers)

        self.graph.wait(is_answered, "the answer to a good frame")
        return time.monotonic() - begin

    def call_next(self) -> None:
        """Call the next of the services, and judge the answer."""
        client, request, is_good = next(self._calls)
        future = client.call_async(request)
        self.graph.wait(future.done, f"answer of {client.srv_name}")
        assert is_good(future.result()), client.srv_name

    def _calibration_came(self, message: CameraInfo) -> None:
        """Keep what an answer's calibration holds besides its header, which is the frame's."""
        message.header = Header()
        self.calibrations_in_use.add(str(message))

    def judged(self) -> int:
        """Return how many faulty images were answered or refused so far, as the diagnostics say."""
        statuses = self.node.reports[-1].status if self.node.reports else []
        figures = [{value.key: value.value for value in one.values} for one in statuses if "faulty" in one.name]
        return sum(int(one[key]) for one in figures for key in ("frames out", "refused", "failed"))


@pytest.mark.parametrize(("transport", "seed"), [("raw", 7), ("compressed", 8)])
def test_faulty_messages_cost_no_good_frame(
    start: Start,
    faults_module: ModuleType,
    effort: float,
    transport: str,
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    campaign, faults = Campaign(start, transport), faults_module.Faults(seed)
    campaign.wait_until_all_are_connected()
    draw = faults.image if transport == "raw" else faults.compressed_image
    patience = max(1.0, 5.0 * max([campaign.ask_good() for _ in range(PEACE)][1:]))
    images, calibrations, waits = 0, 0, []
    for round_number in range(round(effort * MESSAGES) // len(FAULTY) + 1):
        for publisher, calibration in zip(campaign.images, campaign.calibrations, strict=True):
            if round_number % 3 == 2:
                calibration.publish(faults.camera_info())
                calibrations += 1
            else:
                publisher.publish(draw())
                images += 1
        waits.append(campaign.ask_good())
        assert waits[-1] < 5.0 * patience, f"round {round_number}: a good frame waited {waits[-1]:.2f} s"
        if round_number % 10 == 0:
            campaign.call_next()
    slow = [seconds for seconds in waits if seconds > patience]
    assert len(slow) <= 0.01 * len(waits), f"good frames waited longer than {patience:.2f} s: {slow}"
    assert median(waits) < 1.0, f"half of the good frames waited more than {median(waits):.2f} s"
    record_property("good frames", {"median_s": median(waits), "worst_s": max(waits)})
    used = len(campaign.calibrations_in_use)
    record_property("calibrations", {"sent": calibrations, "different_ones_in_answers": used})
    assert used > 0.1 * calibrations, f"of {calibrations} faulty calibrations {used} came to be used"
    campaign.graph.wait(lambda: campaign.judged() > 0.7 * images, "most faulty images are judged")
    assert campaign.node.process.is_running
    assert "Traceback" not in campaign.node.process.output
