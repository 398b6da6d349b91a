"""Due times and rewritten stamps, without ROS."""

import struct
import threading

import pytest

from dfs_ros.replay import Pace, Restamper


def header(sec: int, nanosec: int, *, order: str = "<") -> bytes:
    """Return CDR bytes as the encapsulation and a std_msgs/Header lay them out, with something behind."""
    return bytes([0, int(order == "<"), 0, 0]) + struct.pack(f"{order}iII4s", sec, nanosec, 4, b"cam\0") + b"rest"


@pytest.mark.parametrize(("rate", "due"), [(1.0, 2_000_000_000), (2.0, 1_000_000_000), (0.5, 4_000_000_000)])
def test_due_times_are_reckoned_from_the_start_at_the_rate(rate: float, due: int) -> None:
    pace = Pace(first_ns=10_000_000_000, rate=rate, clock=lambda: 500)
    assert pace.due_ns(12_000_000_000) == 500 + due


def test_bag_time_runs_at_the_rate() -> None:
    now = iter([0, 1_000])
    pace = Pace(first_ns=7, rate=3.0, clock=lambda: next(now))
    assert pace.bag_time_ns() == 7 + 3_000


def test_waiting_ends_when_stopped() -> None:
    stop = threading.Event()
    stop.set()
    assert not Pace(first_ns=0, rate=1.0).wait(3_600_000_000_000, stop=stop)


@pytest.mark.parametrize("order", ["<", ">"])
def test_only_the_stamp_is_rewritten_in_the_byte_order_of_the_message(order: str) -> None:
    renewed = Restamper(lambda: 5_000_000_006)(header(1, 2, order=order))
    assert renewed == header(5, 6, order=order)


def test_what_bore_one_stamp_bears_one_again_and_what_bore_none_gets_its_own() -> None:
    now = iter(range(1, 10))
    restamp = Restamper(lambda: next(now))
    assert [restamp(header(*stamp))[8:12] for stamp in ((1, 0), (1, 0), (2, 0), (0, 0), (0, 0), (1, 0))] == [
        struct.pack("<I", number) for number in (1, 1, 2, 3, 4, 1)
    ]
