"""Where frames wait for the worker: one place per sender, and the newest frame has it."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from dfs_ros.pace import Pace

Item = TypeVar("Item")

_HAND_OVER_S = 0.005
"""How long `put` waits for an idle taker to wake, at most: as long as a thread may keep the interpreter to itself."""


class Mailbox(Generic[Item]):
    """Holds at most one item per sender. Any thread may put; one thread takes."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin empty and open; `clock` gives seconds."""
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: dict[str, Item] = {}
        self._waits_since = 0.0
        self._paces: dict[str, Pace] = {}
        self._taker_is_waiting = self._taker_sleeps = self._taker_is_called = self._is_closed = False

    def put(self, sender: str, item: Item) -> Item | None:
        """Leave an item, and return the one of that sender that it replaces, if any.

        The newer item inherits the older one's turn, so that a fast sender does not delay the others. A taker that
        sleeps is let wake first: it would else wait until this thread has no more to do in Python.
        """
        with self._changed:
            now = self._clock()
            self._paces.setdefault(sender, Pace()).heard(now)
            if not self._waiting:
                self._waits_since = now
            replaced = self._waiting.get(sender)
            self._waiting[sender] = item
            self._changed.notify_all()
            if self._taker_sleeps:
                self._changed.wait_for(lambda: not self._taker_sleeps, _HAND_OVER_S)
            return replaced

    def take(self, window: float = 0.0) -> list[Item] | None:
        """Wait for an item and return all that wait, the longest first, or None once the mailbox is closed.

        Nothing is returned when `call` was called and nothing waits.

        Args:
            window: how many seconds the item that waits longest may wait for other senders, from its arrival on. Only
                those are waited for whose next item is due by then, judged by their own rate.
        """
        with self._changed:
            self._taker_is_waiting = self._taker_sleeps = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._must_return)
            self._taker_sleeps = False
            self._changed.notify_all()
            while not self._must_return and (patience := self._patience(window)) > 0.0:
                self._changed.wait(patience)
            self._taker_is_waiting = self._taker_is_called = False
            if self._is_closed:
                return None
            items = list(self._waiting.values())
            self._waiting.clear()
            return items

    def call(self) -> None:
        """Have `take` return at once."""
        with self._changed:
            self._taker_is_called = True
            self._changed.notify_all()

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

    @property
    def _must_return(self) -> bool:
        return self._is_closed or self._taker_is_called

    def _patience(self, window: float) -> float:
        """Return how many seconds to wait for senders that are missing."""
        now, deadline = self._clock(), self._waits_since + window
        if now >= deadline:
            return 0.0
        missing = (pace for sender, pace in self._paces.items() if sender not in self._waiting)
        return max((pace.waiting_ends(now, deadline=deadline) for pace in missing), default=now) - now
