"""Say the same thing only now and then."""

import time
from collections.abc import Callable, Hashable


class Throttle:
    """Lets each subject through once per period. Unlike the ROS logger's throttle, subjects do not hide each other."""

    def __init__(self, period: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing said; `period` in seconds."""
        self._period = period
        self._clock = clock
        self._said: dict[Hashable, float] = {}

    def __call__(self, subject: Hashable) -> bool:
        """Say whether it is time to speak of the subject, and take it as spoken of."""
        now = self._clock()
        if now - self._said.get(subject, -float("inf")) < self._period:
            return False
        self._said[subject] = now
        return True
