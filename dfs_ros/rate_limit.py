"""How many frames a second of one camera are taken up."""

import time
from collections.abc import Callable


class RateLimit:
    """Lets as many frames a second through as it is told with each; for one thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with the next frame due; `clock` gives seconds."""
        self._clock = clock
        self._due = -float("inf")

    def __call__(self, rate_hz: float) -> bool:
        """Say whether a frame that comes now is due.

        A frame that comes late is not held against the next, or 30 Hz under a limit of 20 would become 15: one frame
        may be made up for, such as after a pause.

        Args:
            rate_hz: frames a second on average; 0: every frame is due.
        """
        if rate_hz <= 0.0:
            return True
        now, period = self._clock(), 1.0 / rate_hz
        self._due = min(self._due, now + period)  # the limit may have been lower
        if now < self._due:
            return False
        self._due = max(self._due, now - period) + period
        return True
