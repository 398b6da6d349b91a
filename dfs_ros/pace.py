"""How regularly somebody sends, and so whether the next is worth waiting for."""

from collections import deque
from statistics import median

_REMEMBERED = 5
"""Intervals whose median is the usual one; a gap or a burst among them changes nothing."""

_DUE, _OVERDUE = 0.9, 1.5
"""Usual intervals after which a sender may be heard again, and after which it is taken for one that has stalled."""


class Pace:
    """The moments at which a sender was heard; times are in seconds of any one clock."""

    def __init__(self) -> None:
        """Begin with a sender that was never heard."""
        self._last = float("-inf")
        self._intervals: deque[float] = deque(maxlen=_REMEMBERED)

    def heard(self, now: float) -> None:
        """Remember that the sender was heard."""
        if self._last > float("-inf"):
            self._intervals.append(now - self._last)
        self._last = now

    def waiting_ends(self, now: float, *, deadline: float) -> float:
        """Return until when to wait for the sender: `now` where that is pointless.

        One that is not due before the deadline, is overdue, or has not shown its rate yet is not waited for.
        """
        if len(self._intervals) < 2:
            return now
        usual = median(self._intervals)
        is_due = self._last + _DUE * usual <= deadline
        return max(now, min(deadline, self._last + _OVERDUE * usual)) if is_due else now
