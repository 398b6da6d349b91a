"""Ctrl-C and SIGTERM end a run between two steps, so that it can be saved."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class StopSignal:
    """Takes note of the first Ctrl-C or SIGTERM; a second one acts at once, as if this were not here.

    Attributes:
        name: of the signal that came, such as "SIGTERM"; None before.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        """Listen; only a process's main thread can."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Listen no more."""
        self._restore()

    def _note(self, number: int, _: FrameType | None) -> None:
        self.name = signal.Signals(number).name
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
