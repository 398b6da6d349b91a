"""Bring messages of several topics together by their stamps, exactly or within a tolerance."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Message = TypeVar("Message")


class Synchronizer(Generic[Message]):
    """Finds to each message of the first input the nearest of every other, and hands them over together.

    A message waits until no nearer one can come: until each other input has brought one that is as late. It is then
    handed over, or given up if a partner is further away than the tolerance. Every message of the first input is handed
    over once at most, in the order of stamps. When time jumps back, as where a bag begins again, the old is forgotten.

    Attributes:
        given_up: how many messages of the first input found no partners.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        on_match: Callable[[Sequence[Message]], None],
        *,
        tolerance_ns: int = 0,
        depth: int = 10,
    ) -> None:
        """Begin empty.

        Args:
            inputs: their names; the first leads.
            on_match: called with a message of each input, in that order.
            tolerance_ns: how far stamps may lie from the first input's; 0 is exact.
            depth: how many messages of each input may wait; beyond it the oldest has to do with what is there.
        """
        self._leader, *self._others = inputs
        self._on_match = on_match
        self.tolerance_ns = tolerance_ns
        self._depth = depth
        self._waiting: deque[tuple[int, Message]] = deque()
        self._stamps: dict[str, list[int]] = {name: [] for name in self._others}
        self._messages: dict[str, dict[int, Message]] = {name: {} for name in self._others}
        self._newest: dict[str, int] = {}
        self.given_up = 0

    def put(self, name: str, stamp_ns: int, message: Message) -> None:
        """Take a message of an input; hands over what is complete now."""
        newest = self._newest.get(name, stamp_ns)
        if stamp_ns < newest:
            self._forget_after(stamp_ns + (newest - stamp_ns) // 2)
            if name == self._leader:
                self._waiting = deque(entry for entry in self._waiting if entry[0] <= stamp_ns)
        self._newest[name] = stamp_ns
        if name == self._leader:
            self._waiting.append((stamp_ns, message))
        else:
            self._keep(name, stamp_ns, message)
        while self._waiting and (self._is_decided(self._waiting[0][0]) or len(self._waiting) > self._depth):
            self._settle(*self._waiting.popleft())

    def clear(self) -> None:
        """Forget all messages."""
        self._forget_after(-1)
        self._newest.clear()

    def _keep(self, name: str, stamp_ns: int, message: Message) -> None:
        stamps, messages = self._stamps[name], self._messages[name]
        if stamp_ns not in messages:
            insort(stamps, stamp_ns)
        messages[stamp_ns] = message
        if len(stamps) > self._depth:
            del messages[stamps.pop(0)]

    def _is_decided(self, stamp_ns: int) -> bool:
        """Tell whether no input can bring a nearer message than it has."""
        return all(stamps and stamps[-1] >= stamp_ns for stamps in self._stamps.values())

    def _settle(self, stamp_ns: int, message: Message) -> None:
        """Hand a message over with its partners, or give it up."""
        nearest = [_nearest(self._stamps[name], stamp_ns) for name in self._others]
        found = [stamp for stamp in nearest if stamp is not None and abs(stamp - stamp_ns) <= self.tolerance_ns]
        if len(found) < len(nearest):
            self.given_up += 1
            return
        partners = [self._messages[name][stamp] for name, stamp in zip(self._others, found, strict=True)]
        self._on_match([message, *partners])

    def _forget_after(self, stamp_ns: int) -> None:
        """Forget what is later."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] <= stamp_ns)
        for name in self._others:
            self._messages[name] = {stamp: kept for stamp, kept in self._messages[name].items() if stamp <= stamp_ns}
            self._stamps[name] = sorted(self._messages[name])


def _nearest(stamps: Sequence[int], wanted: int) -> int | None:
    """Return the nearest of some ascending stamps, of two the earlier; None if there is none."""
    place = bisect_left(stamps, wanted)
    return min(stamps[max(0, place - 1) : place + 1], key=lambda stamp: abs(stamp - wanted), default=None)
