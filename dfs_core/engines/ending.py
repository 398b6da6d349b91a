"""Builds of engines that are under way in this process, so that what has to end need not wait for them.

A build takes minutes, and a process cannot end before the thread that it runs in.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_under_way: set[threading.Event] = set()


@contextmanager
def can_be_ended() -> Iterator[threading.Event]:
    """Yield an event that is set when the build is to end at its next step."""
    ended = threading.Event()
    _under_way.add(ended)
    try:
        yield ended
    finally:
        _under_way.discard(ended)


def end_builds() -> None:
    """Let every build that is under way end at its next step; it raises BuildEndedError. Later ones are not touched."""
    for ended in tuple(_under_way):
        ended.set()
