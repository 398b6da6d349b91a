"""A thread that owns a resource: it opens it, uses it for what waits, round by round, and closes it."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Generic, TypeVar

from dfs_ros.mailbox import Mailbox

Resource = TypeVar("Resource")
Item = TypeVar("Item")


class _Successor(Generic[Resource]):
    """A resource that waits for its turn, and whether it came."""

    def __init__(self, resource: AbstractContextManager[Resource], on_change: Callable[[], None]) -> None:
        self.resource = resource
        self.on_change = on_change
        self.settled = threading.Event()
        self.is_in_use = False

    def settle(self, *, in_use: bool) -> None:
        self.is_in_use = in_use
        self.settled.set()


class Worker(Generic[Resource, Item]):
    """Hands all that waits in a mailbox to a function, together with a resource that no other thread uses meanwhile."""

    def __init__(
        self,
        mailbox: Mailbox[Item],
        *,
        open_resource: Callable[[], AbstractContextManager[Resource]],
        handle: Callable[[Resource, Sequence[Item]], None],
        on_failure: Callable[[Sequence[Item], Exception], None],
        window: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Prepare, but do not start.

        Args:
            mailbox: where the items come from; closed by `stop`.
            open_resource: called once, in the thread.
            handle: called for every round of items, in the thread.
            on_failure: told what `handle` raised; the thread then goes on with the next round.
            window: how many seconds a round waits for senders that are due.
        """
        self._mailbox = mailbox
        self._open_resource = open_resource
        self._handle = handle
        self._on_failure = on_failure
        self._window = window
        self._lock = threading.Lock()
        self._successor: _Successor[Resource] | None = None
        self._is_over = False
        self._opened = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self, *, wait_while: Callable[[], bool] = lambda: True) -> bool:
        """Start the thread and wait for its resource; return False when the wait was given up.

        Args:
            wait_while: asked ten times a second whether to wait on.

        Raises:
            Exception: whatever opening the resource raised.
        """
        self._thread.start()
        while not self._opened.wait(0.1):
            if not wait_while():
                return False
        if self._error is not None:
            raise self._error
        return True

    def replace(self, successor: AbstractContextManager[Resource], *, on_change: Callable[[], None]) -> bool:
        """Go on with another resource between two rounds, and close the one before; say whether that was done.

        Waits for it. A worker that has ended closes the successor instead. Only one thread at a time may ask.

        Args:
            successor: what is ready to be used.
            on_change: called in the worker's thread before the first round with the successor.
        """
        asked = _Successor(successor, on_change)
        with self._lock:
            if self._is_over:
                with successor:
                    return False
            self._successor = asked
        self._mailbox.call()
        asked.settled.wait()
        return asked.is_in_use

    def stop(self, timeout: float) -> bool:
        """Let the item in hand be finished, then end the thread; say whether it ended within `timeout` seconds."""
        self._mailbox.close()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            resource = self._open_resource()
        except Exception as error:  # noqa: BLE001 - raised again in `start`
            self._error = error
            self._opened.set()
            return
        with ExitStack() as held:
            opened = held.enter_context(resource)
            self._opened.set()
            while (items := self._mailbox.take(self._window())) is not None:
                if (successor := self._take_successor()) is not None:
                    held.close()
                    opened = held.enter_context(successor.resource)
                    successor.on_change()
                    successor.settle(in_use=True)
                if items:
                    self._handle_safely(opened, items)
        if (successor := self._take_successor(is_over=True)) is not None:
            with successor.resource:
                successor.settle(in_use=False)

    def _take_successor(self, *, is_over: bool = False) -> "_Successor[Resource] | None":
        with self._lock:
            self._is_over = is_over
            successor, self._successor = self._successor, None
            return successor

    def _handle_safely(self, opened: Resource, items: Sequence[Item]) -> None:
        try:
            self._handle(opened, items)
        except Exception as error:  # noqa: BLE001 - one bad round must not end the stream
            self._on_failure(items, error)
