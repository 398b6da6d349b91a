"""The mailbox that keeps the newest, and the worker that empties it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dfs_ros.mailbox import Mailbox
from dfs_ros.throttle import Throttle
from dfs_ros.worker import Worker

DEADLINE_SECONDS = 30.0


def test_the_newest_item_of_a_sender_replaces_the_one_that_waits() -> None:
    box: Mailbox[int] = Mailbox()
    assert box.put("front", 1) is None
    assert box.put("front", 2) == 1
    assert box.take() == 2


def test_senders_take_turns_however_fast_one_is() -> None:
    box: Mailbox[str] = Mailbox()
    for item in ("front 1", "rear 1", "front 2", "front 3"):
        box.put(item.split()[0], item)
    assert [box.take(), box.take()] == ["front 3", "rear 1"]


def test_a_closed_mailbox_gives_nothing() -> None:
    box: Mailbox[int] = Mailbox()
    box.put("front", 1)
    box.close()
    assert box.take() is None


def test_closing_wakes_the_taker() -> None:
    box: Mailbox[int] = Mailbox()
    taken: list[Any] = []
    taker = threading.Thread(target=lambda: taken.append(box.take()))
    taker.start()
    assert box.wait_until_done(DEADLINE_SECONDS)
    box.close()
    taker.join(DEADLINE_SECONDS)
    assert taken == [None]


class Harness:
    """A worker that records what happens, and in which thread."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.threads: set[int] = set()
        self.box: Mailbox[int] = Mailbox()
        self.worker = Worker(
            self.box, open_resource=self.resource, handle=self.handle, on_failure=lambda *what: self.events.append(what)
        )

    @contextmanager
    def resource(self) -> Iterator[str]:
        """Open and close something."""
        self.threads.add(threading.get_ident())
        self.events.append("open")
        yield "model"
        self.events.append("close")

    def handle(self, resource: str, item: int) -> None:
        """Divide by the item, so that 0 fails."""
        self.threads.add(threading.get_ident())
        self.events.append((resource, 12 // item))

    def process(self, *items: int) -> None:
        """Put items one after the other, each when the one before is done."""
        for item in items:
            self.box.put("front", item)
            assert self.box.wait_until_done(DEADLINE_SECONDS)


def test_one_thread_opens_uses_and_closes_the_resource() -> None:
    harness = Harness()
    assert harness.worker.start()
    harness.process(3, 4)
    assert harness.worker.stop(DEADLINE_SECONDS)
    assert harness.events == ["open", ("model", 4), ("model", 3), "close"]
    assert len(harness.threads) == 1
    assert threading.get_ident() not in harness.threads


def test_a_failing_item_is_told_and_the_next_one_processed() -> None:
    harness = Harness()
    harness.worker.start()
    harness.process(0, 6)
    harness.worker.stop(DEADLINE_SECONDS)
    item, error = harness.events[1]
    assert item == 0
    assert isinstance(error, ZeroDivisionError)
    assert harness.events[2] == ("model", 2)


def test_what_opening_raises_is_raised_by_start() -> None:
    def refuse() -> Any:
        raise OSError("no such model")

    worker = Worker(Mailbox[int](), open_resource=refuse, handle=print, on_failure=print)
    with pytest.raises(OSError, match="no such model"):
        worker.start()
    assert worker.stop(DEADLINE_SECONDS)


def test_waiting_for_a_slow_start_can_be_given_up() -> None:
    release = threading.Event()

    @contextmanager
    def slow() -> Iterator[None]:
        release.wait(DEADLINE_SECONDS)
        yield

    worker = Worker(Mailbox[int](), open_resource=slow, handle=print, on_failure=print)
    assert not worker.start(wait_while=lambda: False)
    release.set()
    assert worker.stop(DEADLINE_SECONDS)


def test_each_subject_is_heard_once_per_period() -> None:
    now = 0.0
    throttle = Throttle(5.0, clock=lambda: now)
    assert [throttle("step"), throttle("step"), throttle("encoding")] == [True, False, True]
    now = 5.0
    assert throttle("step")
