"""The mailbox that keeps the newest, and the worker that empties it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from dfs_ros import mailbox
from dfs_ros.mailbox import Mailbox
from dfs_ros.pace import Pace
from dfs_ros.throttle import Throttle
from dfs_ros.worker import Worker

DEADLINE_SECONDS = 30.0


def test_the_newest_item_of_a_sender_replaces_the_one_that_waits() -> None:
    box: Mailbox[int] = Mailbox()
    assert box.put("front", 1) is None
    assert box.put("front", 2) == 1
    assert box.take() == [2]


def test_senders_take_turns_however_fast_one_is() -> None:
    box: Mailbox[str] = Mailbox()
    for item in ("front 1", "rear 1", "front 2", "front 3"):
        box.put(item.split()[0], item)
    assert box.take() == ["front 3", "rear 1"]


class Clock:
    """A clock that stands still until it is moved, and a mailbox that goes by it."""

    def __init__(self) -> None:
        self.now = 100.0

    def mailbox(self) -> Mailbox[str]:
        """Return a mailbox that knows two senders at 10 Hz, the rear one 5 ms behind the front one; empty."""
        box: Mailbox[str] = Mailbox(clock=lambda: self.now)
        for _ in range(4):
            box.put("front", "front")
            self.now += 0.005
            box.put("rear", "rear")
            self.now += 0.095
            assert box.take() == ["front", "rear"]
        return box


def taken_after(box: Mailbox[str], window: float, then: Any) -> Any:
    """Take in another thread, do something meanwhile, and return what was taken."""
    taken: list[Any] = []
    taker = threading.Thread(target=lambda: taken.append(box.take(window)))
    taker.start()
    then()
    taker.join(DEADLINE_SECONDS)
    return taken[0]


def test_an_item_waits_for_a_sender_that_is_due_within_the_window() -> None:
    clock = Clock()
    box = clock.mailbox()
    box.put("front", "front")
    assert taken_after(box, 60.0, lambda: box.put("rear", "rear")) == ["front", "rear"]


@pytest.mark.parametrize(
    ("passed", "window"),
    [(-0.02, 0.004), (0.0, 0.0), (0.06, 60.0), (30.0, 60.0)],
    ids=["due after the window", "no window", "overdue", "stalled for long"],
)
def test_an_item_does_not_wait_for_a_sender_that_is_not_due(passed: float, window: float) -> None:
    clock = Clock()
    box = clock.mailbox()
    clock.now += passed
    box.put("front", "front")
    assert box.take(window) == ["front"]


def test_the_window_begins_when_the_first_item_comes_however_late_it_is_taken() -> None:
    clock = Clock()
    box = clock.mailbox()
    box.put("front", "front")
    clock.now += 0.010
    assert box.take(0.010) == ["front"]


def test_a_sender_whose_rate_is_unknown_is_not_waited_for() -> None:
    box: Mailbox[str] = Mailbox()
    box.put("rear", "rear")
    assert box.take(60.0) == ["rear"]
    box.put("front", "front")
    assert box.take(60.0) == ["front"]


def test_a_gap_does_not_change_the_usual_rate() -> None:
    pace = Pace()
    for moment in (0.0, 0.1, 0.2, 0.3, 7.0, 7.1):
        pace.heard(moment)
    assert pace.waiting_ends(7.19, deadline=7.21) == pytest.approx(7.21)
    assert pace.waiting_ends(7.12, deadline=7.15) == 7.12, "not due"
    assert pace.waiting_ends(7.24, deadline=7.30) == pytest.approx(7.25), "overdue soon"


def test_a_taker_that_sleeps_has_the_item_before_the_sender_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "_HAND_OVER_S", DEADLINE_SECONDS)  # however busy the machine is
    box: Mailbox[int] = Mailbox()

    def put_two() -> None:
        assert box.wait_until_done(DEADLINE_SECONDS)
        assert box.put("front", 1) is None
        assert box.put("front", 2) is None, "the first has been taken"

    assert taken_after(box, 0.0, put_two) == [1]


def test_a_closed_mailbox_gives_nothing() -> None:
    box: Mailbox[int] = Mailbox()
    box.put("front", 1)
    box.close()
    assert box.take() is None


def test_a_call_wakes_the_taker() -> None:
    box: Mailbox[str] = Mailbox()
    assert taken_after(box, 0.0, lambda: box.wait_until_done(DEADLINE_SECONDS) and box.call()) == []


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

    def handle(self, resource: str, items: Sequence[int]) -> None:
        """Divide by the items, so that 0 fails."""
        self.threads.add(threading.get_ident())
        self.events.append((resource, *(12 // item for item in items)))

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
    items, error = harness.events[1]
    assert items == [0]
    assert isinstance(error, ZeroDivisionError)
    assert harness.events[2] == ("model", 2)


def test_another_resource_takes_over_between_rounds_and_the_one_before_is_closed() -> None:
    harness = Harness()
    harness.worker.start()
    harness.process(3)
    successor = ExitStack()
    successor.callback(lambda: harness.events.append("close successor"))
    assert harness.worker.replace(successor, on_change=lambda: harness.events.append("change"))
    harness.process(4)
    assert harness.worker.stop(DEADLINE_SECONDS)
    assert harness.events == ["open", ("model", 4), "close", "change", (successor, 3), "close successor"]


def test_a_worker_that_has_ended_closes_what_would_take_over() -> None:
    harness = Harness()
    harness.worker.start()
    harness.worker.stop(DEADLINE_SECONDS)
    successor = ExitStack()
    successor.callback(lambda: harness.events.append("close successor"))
    assert not harness.worker.replace(successor, on_change=lambda: harness.events.append("change"))
    assert harness.events == ["open", "close", "close successor"]


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
