"""Node that records topics to an MCAP bag, as bytes and with their QoS: `ros2 run dfs_ros recorder`."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rclpy.clock import Clock, ClockType
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.subscription import Subscription
from std_msgs.msg import UInt64

from dfs_core.errors import BagError, ConfigError
from dfs_ros.bag_qos import to_ask, to_keep
from dfs_ros.bag_types import installed_types
from dfs_ros.bag_writer import BagWriter
from dfs_ros.message_class import message_class
from dfs_ros.middleware import run
from dfs_ros.parameters import declare, parameter
from dfs_ros.sequence_gaps import SequenceGaps
from dfs_ros.throttle import Throttle

_LOOK_AGAIN_S = 0.05
_COUNT_S = 0.2
_FLUSH_S = 1.0
_COMPLAINT_S = 5.0
_DEPTH = 100

_TELLS_NUMBERS = hasattr(Subscription, "CallbackType")
"""Whether rclpy hands over what is known of a message with it, as it does since Iron."""


@dataclass(frozen=True)
class RecorderParameters:
    """What can be set at start."""

    output: str = parameter("", "Bag to write: a folder, or a file ending in .mcap; it appears when recording ends.")
    topics: tuple[str, ...] = parameter((), "Topics to record; each begins when its first publisher appears.")
    overwrite: bool = parameter(False, "Whether an existing bag may be replaced.")
    compress: bool = parameter(True, "Compress by zstd, which pays for masks and raw images.")


class Recorder(Node):
    """Writes messages as they come, as bytes; the bag is whole when the node is destroyed.

    What is older than a second can be read even if the process is killed. How many messages it has written is on the
    latched topic `~/count`, how many were lost on their way to it on `~/lost`.
    """

    def __init__(self) -> None:
        """Open the bag and look for the topics.

        Raises:
            ConfigError: no output or no topics are named.
            OutputError: the output exists, or cannot be written.
        """
        super().__init__("recorder")
        parameters = declare(self, RecorderParameters)
        if not parameters.output or not parameters.topics:
            raise ConfigError(
                "name what to record and where: --ros-args -p output:=PATH -p 'topics:=[/first, /second]'"
            )
        names = [self.resolve_topic_name(name) for name in parameters.topics]
        self._stack = ExitStack()
        self._writer = self._stack.enter_context(
            BagWriter(
                Path(parameters.output).expanduser(),
                storage="mcap",
                overwrite=parameters.overwrite,
                compress=parameters.compress,
            )
        )
        self._awaited = dict.fromkeys(names)  # in order
        self._recorded: list[Subscription] = []
        self._count = UInt64()
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._count_publisher = self.create_publisher(UInt64, "~/count", latched)
        self._lost = UInt64()
        self._lost_publisher = self.create_publisher(UInt64, "~/lost", latched)
        self._gaps = SequenceGaps()
        self._may_complain = Throttle(_COMPLAINT_S)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # the node's own stands still before the first /clock
        self.create_timer(_COUNT_S, self._publish_count, clock=steady)
        self.create_timer(_FLUSH_S, self._writer.flush, clock=steady)
        self._timer = self.create_timer(_LOOK_AGAIN_S, self._look_for_topics, clock=steady)
        self.get_logger().info(f"recording to {self._writer.place}, which becomes {self._writer.target} at the end")

    def destroy_node(self) -> None:
        """Close the bag, move it into place, and say what is in it."""
        counts = self._writer.counts
        self._stack.close()
        parts = ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "no topic appeared"
        # Not by the logger of a node whose context may be shut down.
        get_logger("dfs_ros").info(
            f"{self._writer.target}: {sum(counts.values())} messages ({parts}), {self._gaps.total} lost"
        )
        super().destroy_node()

    def _look_for_topics(self) -> None:
        """Subscribe to the awaited topics that have a publisher by now."""
        for name in list(self._awaited):
            if publishers := self.get_publishers_info_by_topic(name):
                del self._awaited[name]
                try:
                    self._record(name, publishers[0].topic_type, [entry.qos_profile for entry in publishers])
                except BagError as error:
                    self.get_logger().error(f"{name} is not recorded: {error}")
        if not self._awaited:
            self._timer.cancel()

    def _record(self, name: str, message_type: str, offers: list[QoSProfile]) -> None:
        kind = message_class(message_type)
        if kind is None:
            raise BagError(f"message type {message_type} is not installed; install its package")
        self._writer.add_topic(
            name,
            message_type,
            installed_types(message_type),
            qos=[to_keep(offer, depth=_DEPTH) for offer in offers[:1]],
        )
        ask = to_ask(offers, depth=_DEPTH)
        write = partial(self._write if _TELLS_NUMBERS else self._write_unnumbered, name)
        self._recorded.append(self.create_subscription(kind, name, write, ask, raw=True))

    def _publish_count(self) -> None:
        """Say how many messages are in the bag, and how many were lost, when there are more than last time."""
        if (count := sum(self._writer.counts.values())) > self._count.data:
            self._count.data = count
            self._count_publisher.publish(self._count)
        if self._gaps.total > self._lost.data:
            self._lost.data = self._gaps.total
            self._lost_publisher.publish(self._lost)
            if self._may_complain("lost"):
                self.get_logger().warning(
                    f"{self._gaps.total} messages were lost; record fewer topics, or compress:=false"
                )

    def _write(self, name: str, data: bytes, info: dict[str, int | None]) -> None:
        now_ns = self.get_clock().now().nanoseconds
        if now_ns == 0 and self._may_complain("clock"):
            self.get_logger().warning(
                "use_sim_time is true, but no /clock has come: what is recorded is stamped 0; start what publishes it"
            )
        self._writer.write(name, now_ns, data)
        self._gaps.note(name, info.get("publication_sequence_number"), publishers=self.count_publishers(name))

    def _write_unnumbered(self, name: str, data: bytes) -> None:
        self._write(name, data, {})


def main() -> int:
    """Run the node until it is interrupted."""
    return run(Recorder)


if __name__ == "__main__":
    sys.exit(main())
