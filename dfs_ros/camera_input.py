"""A camera's topics: its images, raw or compressed, and its calibration."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dfs_ros import qos
from dfs_ros.dehaze_parameters import COMPRESSED

_TELLS_TIMES = hasattr(Subscription, "CallbackType")
"""Whether rclpy hands a message's times over with it, as it does since Iron."""


@dataclass(frozen=True)
class Arrival:
    """An image message as it came in.

    Attributes:
        message: the message.
        topic: where it came from.
        take: seconds from its arrival in the middleware to the callback; nan where the middleware does not tell.
        arrived: `time.perf_counter` in the callback.
    """

    message: Image | CompressedImage
    topic: str
    take: float
    arrived: float


class CameraInput:
    """Subscribes to one camera when told to, and hands its images over; remembers its newest calibration."""

    def __init__(self, node: Node, *, name: str, transport: str, on_image: Callable[[Arrival], None]) -> None:
        """Look up the topics, but do not subscribe yet.

        Args:
            node: on whose behalf; the names `image_raw`, `image_raw/compressed` and `camera_info` remap as usual.
            name: the camera's, which those names lie below; empty for a node's only camera.
            transport: "raw" or "compressed".
            on_image: called with every image; must return at once.
        """
        self._node = node
        self._on_image = on_image
        self.calibration: CameraInfo | None = None
        self.topic, self._info_topic = _topics(node, name, transport)
        self._kind = CompressedImage if transport == COMPRESSED else Image
        self._subscriptions: list[Subscription] = []

    @property
    def publisher_count(self) -> int:
        """How many publishers the image topic has."""
        return self._node.count_publishers(self.topic)

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return bool(self._subscriptions)

    @property
    def mismatch(self) -> str:
        """Which publisher of images offers less than is asked for, and the cure, in words; empty if none does."""
        if not self._subscriptions:
            return ""
        return qos.subscription_mismatch(self._node, self.topic, self._subscriptions[0].qos_profile)

    def open(self) -> None:
        """Listen."""
        on_image = self._image_came if _TELLS_TIMES else self._image_came_untimed
        self._subscriptions.append(qos.subscribe(self._node, self._kind, self.topic, on_image))
        self._subscriptions.append(qos.subscribe(self._node, CameraInfo, self._info_topic, self._calibration_came))

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()

    def _image_came(self, message: Image | CompressedImage, info: dict[str, int]) -> None:
        received = info["received_timestamp"]
        take = (time.time_ns() - received) / 1e9 if received else float("nan")
        self._on_image(Arrival(message, self.topic, take, time.perf_counter()))

    def _image_came_untimed(self, message: Image | CompressedImage) -> None:
        self._image_came(message, {"received_timestamp": 0})

    def _calibration_came(self, message: CameraInfo) -> None:
        self.calibration = message


def _topics(node: Node, camera: str, transport: str) -> tuple[str, str]:
    """Return the names of a camera's image topic and of its calibration.

    Unless they are remapped themselves, the compressed topic lies below the raw one and the calibration beside it, as
    everywhere in ROS: remapping image_raw is enough.
    """
    root = f"{camera}/" if camera else ""
    raw = node.resolve_topic_name(f"{root}image_raw")
    parent = raw.rpartition("/")[0]
    compressed = _remapped(node, f"{root}image_raw/compressed") or f"{raw}/compressed"
    calibration = _remapped(node, f"{root}camera_info") or f"{parent}/camera_info"
    return (compressed if transport == COMPRESSED else raw), calibration


def _remapped(node: Node, name: str) -> str | None:
    """Return what the user remapped a name to, or None."""
    resolved = node.resolve_topic_name(name)
    return None if resolved == node.resolve_topic_name(name, only_expand=True) else resolved
