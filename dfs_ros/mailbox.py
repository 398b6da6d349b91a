"""Where frames wait for the worker: one place per sender, and the newest frame has it."""

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Holds at most one item per sender. Any thread may put; one thread takes."""

    def __init__(self) -> None:
        """Begin empty and open."""
        self._changed = threading.Condition()
        self._waiting: dict[str, Item] = {}
        self._taker_is_waiting = False
        self._is_closed = False

    def put(self, sender: str, item: Item) -> Item | None:
        """Leave an item, and return the one of that sender that it replaces, if any.

        The newer item inherits the older one's turn, so that a fast sender does not delay the others.
        """
        with self._changed:
            replaced = self._waiting.get(sender)
            self._waiting[sender] = item
            self._changed.notify_all()
            return replaced

    def take(self) -> Item | None:
        """Wait for an item and return the one whose turn it is, or None once the mailbox is closed."""
        with self._changed:
            self._taker_is_waiting = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            self._taker_is_waiting = False
            if self._is_closed:
                return None
            return self._waiting.pop(next(iter(self._waiting)))

    def wait_until_done(self, timeout: float) -> bool:
        """Wait until nothing waits and the taker asks for more, at most `timeout` seconds; say whether that came."""
        with self._changed:
            return self._changed.wait_for(lambda: self._taker_is_waiting and not self._waiting, timeout)

    def close(self) -> None:
        """Let the taker go; what still waits is forgotten."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()
