"""See from outside how a dehaze node and its recorder are doing: by /diagnostics and the ROS graph."""

import time
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from dfs_ros.child import Child
from dfs_ros.demo_figures import Figures
from dfs_ros.interruption import Interruption

_LOOK_S = 0.1


class Observer:
    """A node of its own in this process; use it as a context manager."""

    def __init__(self, node: str, interruption: Interruption) -> None:
        """Begin to listen.

        Args:
            node: full name of the dehaze node.
            interruption: asked between two reports whether to go on waiting.
        """
        self._interruption = interruption
        self.figures = Figures()
        self._reports = 0
        self._failure = ""
        self._name = f"{node}: dehazing"
        self._context = Context()
        self._context.init()
        self._node = Node("dfs_demo", context=self._context, start_parameter_services=False)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 10)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)

    def __enter__(self) -> "Observer":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def wait(self, condition: Callable[[], bool], child: Child, complaint: str, deadline_s: float) -> None:
        """Wait for something that a child process is to do.

        Args:
            condition: whether it is done; asked after each report, and ten times a second.
            child: who is to do it.
            complaint: what is said of the child when it has not, such as "was not ready".
            deadline_s: how many seconds it may take.

        Raises:
            ChildError: the child has ended, or the time is over, or the dehaze node says that it cannot run.
            KeyboardInterrupt, SystemExit: somebody wants it to end.
        """
        end = time.monotonic() + deadline_s
        while not condition():
            self._interruption.raise_if_asked()
            if self._failure:
                raise child.failure(f"is {self._failure}")
            if child.exit_code is not None and not condition():
                raise child.failure(f"ended with exit code {child.exit_code}")
            if time.monotonic() > end:
                raise child.failure(f"{complaint} within {deadline_s:.0f} s")
            self._executor.spin_once(timeout_sec=_LOOK_S)

    def wait_until_settled(self, child: Child, deadline_s: float) -> None:
        """Wait for two reports in a row that say the same of frames, none of them in flight.

        Raises:
            ChildError: as for `wait`.
        """
        seen, before = self._reports, -1

        def is_settled() -> bool:
            nonlocal seen, before
            if self._reports == seen:
                return False
            now = self.figures.count("frames in")
            settled = now == before and self.figures.in_flight == 0
            seen, before = self._reports, now
            return settled

        self.wait(is_settled, child, "did not finish its frames", deadline_s)

    def is_heard(self, topic: str, *, by: str) -> bool:
        """Say whether a node of that name subscribes to a topic."""
        return any(entry.node_name == by for entry in self._node.get_subscriptions_info_by_topic(topic))

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == self._name:
                self.figures = Figures({entry.key: entry.value for entry in status.values})
                self._reports += 1
                if status.level == DiagnosticStatus.ERROR and not self.figures.is_active:
                    self._failure = status.message
