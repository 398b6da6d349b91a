"""Node that replays a bag of any kind into topics: `ros2 run dfs_ros bag_player --ros-args -p bag:=PATH`."""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.publisher import Publisher

from dfs_core.errors import ConfigError
from dfs_core.read_ahead import read_ahead
from dfs_ros.bag import Bag, CutBagError, Record, open_bag
from dfs_ros.bag_qos import to_offer
from dfs_ros.message_class import begins_with_header, message_class
from dfs_ros.middleware import run
from dfs_ros.parameters import declare, parameter
from dfs_ros.replay import Pace, Restamper

IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
_FLUSH = Duration(seconds=5)
_LOOK_UP_S = 0.2


@dataclass(frozen=True)
class PlayerParameters:
    """What can be set at start."""

    bag: str = parameter("", "Bag to play: a folder with metadata.yaml, or an .mcap, .db3 or ROS 1 .bag file.")
    rate: float = parameter(1.0, "How many times faster than recorded.", above=0.0)
    loop: bool = parameter(False, "Start again at the end, until stopped.")
    start_offset: float = parameter(0.0, "Seconds of the bag to leave out at its start.", at_least=0.0)
    topics: tuple[str, ...] = parameter((), "Topics to play, by their names in the bag; all if empty.")
    clock: bool = parameter(False, "Publish the time of the recording on /clock, for nodes with use_sim_time.")
    clock_rate: float = parameter(40.0, "How often /clock is published at least, in Hz.", above=0.0)
    restamp: bool = parameter(False, "Set the time in message headers to now, so that latency can be measured.")
    wait_for_subscribers: float = parameter(
        0.0, "Seconds to wait for subscribers before playing, at most; 0 does not wait.", at_least=0.0
    )
    wait_for_topics: tuple[str, ...] = parameter(
        (), "Topics of the bag that must have subscribers; if empty, any one of its image topics."
    )
    expected_subscribers: int = parameter(1, "How many subscribers such a topic must have.", at_least=1)


class BagPlayer(Node):
    """Plays in its own thread, and shuts its context down when done."""

    def __init__(self) -> None:
        """Open the bag and announce its topics; playing starts by itself.

        Raises:
            BagError: the bag cannot be read, or has not the topics asked for.
            ConfigError: a parameter is out of range.
        """
        super().__init__("bag_player")
        self._parameters = declare(self, PlayerParameters)
        if not self._parameters.bag:
            raise ConfigError("no bag to play; name one by --ros-args -p bag:=PATH")
        self._stack = ExitStack()
        self._bag = self._stack.enter_context(open_bag(Path(self._parameters.bag).expanduser()))
        self._start_ns = self._bag.start_ns + round(self._parameters.start_offset * 1e9)
        if self._start_ns > self._bag.end_ns:
            raise ConfigError(
                f"start_offset is {self._parameters.start_offset:g} s, but {self._bag.path} "
                f"lasts {self._bag.duration_s:.1f} s"
            )
        self.played: Counter[str] = Counter()
        self.worst_lateness_ns = 0
        self.failed = False
        self._stop = threading.Event()
        self.context.on_shutdown(self._stop.set)
        self._matched = threading.Condition()
        self._restamped: set[str] = set()
        self._clock_publisher = self._announce_clock() if self._parameters.clock else None
        self._publishers_by_topic = self._announce(self._bag)
        # rclpy can miss a shutdown that happens while it is busy; waking it now and then lets it see.
        self.create_timer(_LOOK_UP_S, lambda: None, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._thread = threading.Thread(target=self._play, name="play")
        self._thread.start()

    def destroy_node(self) -> None:
        """Stop playing, close the bag, and say what was played."""
        self._stop.set()
        with self._matched:
            self._matched.notify_all()
        self._thread.join()
        self._stack.close()
        super().destroy_node()

    def _announce(self, bag: Bag) -> dict[str, Publisher]:
        """Make a publisher for each topic whose type is installed here."""
        names = self._parameters.topics or tuple(topic.name for topic in bag.topics)
        if unknown := set(names) - {topic.name for topic in bag.topics}:
            raise ConfigError(
                f"{bag.path} has no topic {', '.join(sorted(unknown))}, only {', '.join(t.name for t in bag.topics)}"
            )
        publishers = {}
        for topic in bag.topics:
            if topic.name not in names or (topic.name == "/clock" and self._clock_publisher is not None):
                continue
            kind = message_class(topic.type)
            if kind is None:
                self.get_logger().warning(
                    f"{topic.name} is left out: its type {topic.type} is not installed here ({topic.count} messages)"
                )
                continue
            events = PublisherEventCallbacks(matched=self._on_matched)
            publishers[topic.name] = self.create_publisher(
                kind, topic.name, to_offer(topic.qos), event_callbacks=events
            )
            if self._parameters.restamp and begins_with_header(kind):
                self._restamped.add(topic.name)
        if not publishers:
            raise ConfigError(f"{bag.path}: no topic that can be played; install the message packages it needs")
        return publishers

    def _announce_clock(self) -> Publisher:
        from rosgraph_msgs.msg import Clock as ClockMessage

        return self.create_publisher(ClockMessage, "/clock", 10)

    def _on_matched(self, _status: Any) -> None:
        with self._matched:
            self._matched.notify_all()

    def _play(self) -> None:
        """Play the bag once, or until stopped; then end the process."""
        try:
            self._wait_for_subscribers()
            for _ in count() if self._parameters.loop else range(1):
                self._play_once()
                if self._stop.is_set():
                    return
            for publisher in self._publishers_by_topic.values():
                publisher.wait_for_all_acked(_FLUSH)
        except RuntimeError:  # a publisher's context was shut down while it published
            if self.context.ok():
                self.failed = True
                raise
        finally:
            self._report()
            self.context.try_shutdown()

    def _wait_for_subscribers(self) -> None:
        """Wait until there are the subscribers that are expected, but not beyond the deadline."""
        if not (deadline_s := self._parameters.wait_for_subscribers):
            return
        publishers, expected = self._publishers_by_topic, self._parameters.expected_subscribers
        images = [topic.name for topic in self._bag.topics if topic.type in IMAGE_TYPES and topic.name in publishers]
        chosen = [name for name in self._parameters.wait_for_topics if name in publishers]
        awaited, enough = (chosen, all) if chosen else (images or list(publishers), any)

        def ready() -> bool:
            return enough(publishers[name].get_subscription_count() >= expected for name in awaited)

        with self._matched:
            if not self._matched.wait_for(lambda: self._stop.is_set() or ready(), deadline_s):
                self.get_logger().warning(
                    f"after {deadline_s:g} s, {', '.join(awaited)} had fewer than {expected} subscribers; "
                    "playing all the same"
                )

    def _play_once(self) -> None:
        """Publish every message when it is due."""
        restamp = Restamper(lambda: Clock(clock_type=ClockType.SYSTEM_TIME).now().nanoseconds)
        records = read_ahead(self._records(), size=lambda record: len(record.data))
        with closing(records):
            pace = None
            try:
                for record in records:
                    if pace is None:
                        pace = Pace(first_ns=max(record.stamp_ns, self._start_ns), rate=self._parameters.rate)
                    if not self._wait_until_due(pace, record.stamp_ns):
                        return
                    name = record.topic.name
                    data = restamp(record.data) if name in self._restamped else bytes(record.data)
                    self._publishers_by_topic[name].publish(data)
                    self.played[name] += 1
                    if record.stamp_ns >= self._start_ns:
                        self.worst_lateness_ns = max(self.worst_lateness_ns, pace.late_ns(record.stamp_ns))
            except CutBagError as error:
                self.get_logger().warning(str(error))

    def _records(self) -> Iterator[Record]:
        """Yield what is to be played, and before it the latched messages that the offset would leave out."""
        names = set(self._publishers_by_topic)
        latched = {topic.name for topic in self._bag.topics if topic.latched} & names
        if latched and self._start_ns > self._bag.start_ns:
            for record in self._bag.records(latched):
                if record.stamp_ns >= self._start_ns:
                    break
                yield record
        yield from self._bag.records(names, start_ns=self._start_ns)

    def _wait_until_due(self, pace: Pace, stamp_ns: int) -> bool:
        """Wait until a message is due, publishing /clock meanwhile; False when the player was stopped."""
        tick_s = 1.0 / self._parameters.clock_rate if self._clock_publisher is not None else float("inf")
        while not pace.wait(stamp_ns, stop=self._stop, at_most_s=tick_s):
            if self._stop.is_set():
                return False
            self._publish_clock(pace.bag_time_ns())
        self._publish_clock(stamp_ns)
        return not self._stop.is_set()

    def _publish_clock(self, now_ns: int) -> None:
        if self._clock_publisher is not None:
            message = self._clock_publisher.msg_type()
            message.clock.sec, message.clock.nanosec = divmod(now_ns, 1_000_000_000)
            self._clock_publisher.publish(message)

    def _report(self) -> None:
        """Say how many messages of each topic were played, and how late the worst one was."""
        parts = ", ".join(f"{name} {number}" for name, number in sorted(self.played.items())) or "nothing"
        get_logger("dfs_ros").info(  # not by the logger of a node whose context may be shut down
            f"played {self.played.total()} messages ({parts}); "
            f"the latest was {self.worst_lateness_ns / 1e6:.1f} ms late"
        )


def main() -> int:
    """Run the node until its bag has been played, and return its exit code."""
    players: list[BagPlayer] = []

    def make() -> BagPlayer:
        players.append(BagPlayer())
        return players[-1]

    return run(make) or int(any(player.failed for player in players))


if __name__ == "__main__":
    sys.exit(main())
