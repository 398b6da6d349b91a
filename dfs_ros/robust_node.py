"""A node that bad messages do not end: what goes wrong with one is said in the log, and the next one is taken."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rclpy.node import Node

from dfs_core.errors import DfsError
from dfs_ros.throttle import Throttle

COMPLAINT_SECONDS = 5.0


class RobustNode(Node):
    """Complains once in a while about each subject, whatever comes in."""

    def __init__(self, name: str) -> None:
        """Begin with nothing to complain about."""
        super().__init__(name)
        self._may_complain = Throttle(COMPLAINT_SECONDS)

    def safe(self, what: str, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return a callback that raises nothing; `what` names in the log what it is given."""

        def safely(message: Any) -> None:
            with self.survives(what):
                callback(message)

        return safely

    @contextmanager
    def survives(self, what: str) -> Iterator[None]:
        """Say in the log what goes wrong inside the `with` block with something; nothing is raised."""
        try:
            yield
        except DfsError as error:
            self.complain(f"{what} refused: {error}", subject=(what, type(error), getattr(error, "reason", "")))
        except Exception as error:  # noqa: BLE001 - one bad message must not end the stream
            self.complain(f"{what} lost: {type(error).__name__}: {error}", subject=(what, type(error)))

    def complain(self, text: str, *, subject: object) -> None:
        """Warn, once in a while for each subject."""
        if self.context.ok() and self._may_complain(subject):
            self.get_logger().warning(text)
