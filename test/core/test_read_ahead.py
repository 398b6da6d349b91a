"""Reading ahead changes nothing but the time it takes."""

import threading
from collections.abc import Iterator

import pytest

from dfs_core.read_ahead import read_ahead


def test_items_come_in_order_and_an_error_after_those_before_it() -> None:
    def items() -> Iterator[int]:
        yield from range(100)
        raise OSError("the disk is gone")

    reader = read_ahead(items(), size=lambda _: 1)
    assert [next(reader) for _ in range(100)] == list(range(100))
    with pytest.raises(OSError, match="the disk is gone"):
        next(reader)


def test_no_more_waits_than_the_budget_allows() -> None:
    read: list[int] = []
    is_full = threading.Event()

    def items() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            if number == 4:  # one handed out, three wait, and this one finds no room
                is_full.set()
            yield number

    reader = read_ahead(items(), size=lambda _: 10, budget=30)
    assert next(reader) == 0
    assert is_full.wait(10.0)
    assert not [thread for thread in read if thread > 4]
    assert list(reader) == list(range(1, 100))


def test_an_item_larger_than_the_budget_passes_alone() -> None:
    assert list(read_ahead([5, 6, 7], size=lambda _: 1000, budget=1)) == [5, 6, 7]


def test_closing_ends_the_thread() -> None:
    reader = read_ahead(iter(int, 1), size=lambda _: 1, budget=2)
    assert next(reader) == 0
    reader.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "read ahead"]
