"""A small node's ground: it listens only while somebody listens to it, and bad messages do not end it."""

from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription

from dfs_ros.robust_node import RobustNode

DEPTH = 5
"""How many messages of a topic may wait while another is worked on."""

_LOOK_SECONDS = 0.1


class LazyNode(RobustNode):
    """Publishes reliably and subscribes best effort, which any publisher can serve; `qos_overrides` change both."""

    def __init__(self, name: str) -> None:
        """Offer nothing and listen to nothing yet."""
        super().__init__(name)
        self._offered: list[Publisher] = []
        self._inputs: list[tuple[type, str, Callable[[Any], None], QoSProfile]] = []
        self._heard: list[Subscription] = []
        # Steady, as the node's own clock stands still before the first /clock of a bag.
        self.create_timer(_LOOK_SECONDS, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def offer(self, kind: type, topic: str) -> Publisher:
        """Return a new publisher."""
        options = QoSOverridingOptions.with_default_policies()
        publisher = self.create_publisher(kind, topic, QoSProfile(depth=DEPTH), qos_overriding_options=options)
        self._offered.append(publisher)
        return publisher

    def hear(self, kind: type, topic: str, callback: Callable[[Any], None], *, is_latched: bool = False) -> None:
        """Have messages handed over, while anything that is offered has a subscriber.

        What the callback raises is said in the log, once in a while, and the next message is taken. Of a latched topic,
        the last message comes, too, that was sent before.
        """
        quality = QoSProfile(depth=DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)
        if is_latched:
            quality = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._inputs.append((kind, topic, self.safe(topic, callback), quality))

    def on_wake(self) -> None:
        """Do what else is needed before it begins to listen."""

    def on_sleep(self) -> None:
        """Let go of what is of no use once it listens no more, such as messages that wait for others."""

    def is_wanted(self) -> bool:
        """Say whether anything that is offered has a subscriber."""
        return any(publisher.get_subscription_count() > 0 for publisher in self._offered)

    def _look(self) -> None:
        """Begin or cease to listen."""
        if self.is_wanted() == bool(self._heard) or not self.context.ok():
            return
        if self._heard:
            for subscription in self._heard:
                self.destroy_subscription(subscription)
            self._heard.clear()
            self.on_sleep()
            return
        self.on_wake()
        options = QoSOverridingOptions.with_default_policies()
        self._heard = [
            self.create_subscription(kind, topic, callback, quality, qos_overriding_options=options)
            for kind, topic, callback, quality in self._inputs
        ]


def stamp_ns(message: Any) -> int:
    """Return the stamp of a message's header in nanoseconds."""
    stamp = message.header.stamp
    return stamp.sec * 1_000_000_000 + stamp.nanosec
