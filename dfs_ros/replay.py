"""When each message of a bag is due, and what it says of time: replay without knowing how messages are published."""

import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_REMEMBERED_STAMPS = 256


class Pace:
    """Due times on the monotonic clock, reckoned from one start, so that no error adds up."""

    def __init__(self, *, first_ns: int, rate: float, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """Start now.

        Args:
            first_ns: recording time of the first message in nanoseconds.
            rate: 2 plays twice as fast.
            clock: nanoseconds that only grow.
        """
        self._first_ns = first_ns
        self._rate = rate
        self._clock = clock
        self._start_ns = clock()

    def due_ns(self, stamp_ns: int) -> int:
        """Return when a message recorded at that time is due, on the monotonic clock."""
        return self._start_ns + round((stamp_ns - self._first_ns) / self._rate)

    def bag_time_ns(self) -> int:
        """Return which time of the recording it is now."""
        return self._first_ns + round((self._clock() - self._start_ns) * self._rate)

    def late_ns(self, stamp_ns: int) -> int:
        """Return for how long a message has been due; negative before."""
        return self._clock() - self.due_ns(stamp_ns)

    def wait(self, stamp_ns: int, *, stop: threading.Event, at_most_s: float = float("inf")) -> bool:
        """Wait until a message is due, `at_most_s` have passed or `stop` is set; say whether it is due."""
        remaining_s = -self.late_ns(stamp_ns) / 1e9
        if remaining_s > 0:
            stop.wait(min(remaining_s, at_most_s))
        return self.late_ns(stamp_ns) >= 0


class Restamper:
    """Rewrites the time in a message's header to now.

    Messages that bore one time, such as an image and its camera_info, bear one time again: that of the first. Those
    that bore none, zero, get their own. Make a new one for each pass through a bag.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """Remember which clock tells the time, in nanoseconds since 1970."""
        self._now_ns = now_ns
        self._new_ns: OrderedDict[tuple[int, int], int] = OrderedDict()

    def __call__(self, data: bytes | memoryview) -> bytes:
        """Return CDR bytes of a message that begins with a std_msgs/Header, its time rewritten."""
        renewed = bytearray(data)
        order = "<" if renewed[1] & 1 else ">"  # second byte of the encapsulation
        stamp = struct.Struct(f"{order}iI")
        recorded: tuple[int, int] = stamp.unpack_from(renewed, 4)
        new_ns = self._new_ns.get(recorded) if any(recorded) else None
        if new_ns is None:
            new_ns = self._new_ns[recorded] = self._now_ns()
            if len(self._new_ns) > _REMEMBERED_STAMPS:
                self._new_ns.popitem(last=False)
        stamp.pack_into(renewed, 4, *divmod(new_ns, 1_000_000_000))
        return bytes(renewed)
