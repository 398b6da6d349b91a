"""Hear SIGINT and SIGTERM where it does no harm, and not in the middle of what rclpy holds a lock for."""

import signal
import sys
from types import FrameType, TracebackType

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Notes SIGINT and SIGTERM while it is entered, in the main thread; `raise_if_asked` and the end of it act on them.

    Python's own handler raises wherever the program happens to be: a lock that is just being taken stays taken, and
    whoever cleans up waits for it for good. A second SIGINT does that all the same, for who cannot wait.
    """

    def __init__(self) -> None:
        """Note nothing yet."""
        self._asked: int | None = None

    def __enter__(self) -> "Interruption":
        """Begin to note signals."""
        self._before = {number: signal.signal(number, self._note) for number in _NUMBERS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave signals to who heard them before, and act on one that was noted."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None:
            self.raise_if_asked()

    def raise_if_asked(self) -> None:
        """Do what the signal that was noted asks for, if there was one.

        Raises:
            KeyboardInterrupt: it was SIGINT.
            SystemExit: it was SIGTERM, with the exit code that shells give it.
        """
        if self._asked == signal.SIGINT:
            raise KeyboardInterrupt
        if self._asked is not None:
            sys.exit(128 + self._asked)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._asked == signal.SIGINT == number:
            raise KeyboardInterrupt
        self._asked = number
