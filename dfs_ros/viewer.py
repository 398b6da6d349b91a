"""Node that shows cameras and what the dehaze node makes of them on a page: `ros2 run dfs_ros viewer`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Float32, String

from dfs_core.errors import ConfigError
from dfs_ros import label_info, middleware
from dfs_ros.camera import IMAGE_TYPES
from dfs_ros.message_class import message_class
from dfs_ros.parameters import declare, parameter
from dfs_ros.robust_node import RobustNode
from dfs_ros.viewer_feed import Feed, Source
from dfs_ros.viewer_frame import CAMERA, DEHAZED, MASK
from dfs_ros.viewer_state import Report

if TYPE_CHECKING:
    from dfs_ros.viewer_server import PageServer

_LOOK_AGAIN_S = 0.5
_STATUS = ": dehazing"


@dataclass(frozen=True)
class ViewerParameters:
    """What can be set at start."""

    images: tuple[str, ...] = parameter(("image_raw",), "Image topics to show, raw or compressed.")
    answers: tuple[str, ...] = parameter(
        ("dehaze_node",), "For each of them, what the dehaze node's topics lie below, such as /front/dehaze_node."
    )
    host: str = parameter("127.0.0.1", "Address of this machine to serve the page on; 0.0.0.0: to everybody.")
    port: int = parameter(8088, "Port of the page; 0: any that is free.", at_least=0, at_most=65535)


class Viewer(RobustNode):
    """Subscribes to what is looked at while somebody looks, and to nothing else."""

    def __init__(self) -> None:
        """Serve the page.

        Raises:
            ConfigError: a parameter is wrong, the port is taken, or aiohttp is missing.
        """
        super().__init__("viewer")
        parameters = declare(self, ViewerParameters)
        if len(parameters.images) != len(parameters.answers) or not parameters.images:
            raise ConfigError(
                f"{len(parameters.images)} images but {len(parameters.answers)} answers; name one of each for a camera"
            )
        self._audience = self.create_guard_condition(self._follow_audience)
        self._feeds = [
            Feed(
                Source(self.resolve_topic_name(images), self.resolve_topic_name(answers)),
                on_audience=self._audience.trigger,
            )
            for images, answers in zip(parameters.images, parameters.answers, strict=True)
        ]
        self._subscriptions_of: dict[Feed, dict[str, Subscription]] = {feed: {} for feed in self._feeds}
        # Steady, as a camera may appear before the first /clock of a bag.
        self.create_timer(_LOOK_AGAIN_S, self._follow_audience, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._server = _page_server(self._feeds, parameters)
        self._server.start()
        self.get_logger().info(f"open {self._server.address} in a browser")

    def destroy_node(self) -> None:
        """Close the page, then the node."""
        self._server.stop()
        super().destroy_node()

    def _follow_audience(self) -> None:
        """Subscribe to what is looked at, and no longer to what is not."""
        for feed, subscriptions in self._subscriptions_of.items():
            if feed.is_watched:
                self._subscribe(feed, subscriptions)
            elif subscriptions:
                for subscription in subscriptions.values():
                    self.destroy_subscription(subscription)
                subscriptions.clear()
                feed.forget()

    def _subscribe(self, feed: Feed, subscriptions: dict[str, Subscription]) -> None:
        """Subscribe to what is not yet: the image only when a publisher has told its type."""
        reliable = QoSProfile(depth=5)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        sensor = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
        answers = feed.source.answers

        def listen(kind: type, topic: str, callback: Callable[..., None], quality: QoSProfile) -> None:
            if topic not in subscriptions:
                subscriptions[topic] = self.create_subscription(kind, topic, self.safe(topic, callback), quality)

        listen(String, f"{answers}/segmentation/label_info", partial(_labels_came, feed), latched)
        listen(Float32, f"{answers}/visibility", partial(_visibility_came, feed), reliable)
        listen(DiagnosticArray, "/diagnostics", partial(_report_came, feed), QoSProfile(depth=10))
        listen(CompressedImage, f"{answers}/image_dehazed/compressed", partial(feed.put, DEHAZED), reliable)
        listen(Image, f"{answers}/segmentation/mask", partial(feed.put, MASK), reliable)
        if feed.source.images not in subscriptions:
            for publisher in self.get_publishers_info_by_topic(feed.source.images):
                kind = message_class(publisher.topic_type)
                if kind is not None and publisher.topic_type in IMAGE_TYPES:
                    listen(kind, feed.source.images, partial(feed.put, CAMERA), sensor)
                    return


def _page_server(feeds: "list[Feed]", parameters: ViewerParameters) -> "PageServer":
    try:
        from dfs_ros.viewer_server import PageServer
    except ImportError as error:
        raise ConfigError(f"the page needs {error.name}: pip install 'dfs_ros[view]'") from error
    return PageServer(feeds, host=parameters.host, port=parameters.port)


def _labels_came(feed: Feed, message: String) -> None:
    feed.labels = label_info.from_json(message.data).classes


def _visibility_came(feed: Feed, message: Float32) -> None:
    feed.visibility_m = message.data


def _report_came(feed: Feed, message: DiagnosticArray) -> None:
    """Keep what a dehaze node says of this camera."""
    for status in message.status:
        node, found, camera = status.name.partition(_STATUS)
        if found and f"{node}/{camera.strip()}".rstrip("/") == feed.source.answers:
            feed.report = Report.following(
                feed.report,
                level=status.level[0],
                message=status.message,
                values={entry.key: entry.value for entry in status.values},
                came=time.monotonic(),
            )


def main() -> NoReturn:
    """Run the node until it is told to stop."""
    middleware.leave(middleware.run(Viewer))


if __name__ == "__main__":
    main()
