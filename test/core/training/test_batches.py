"""Who computes which items: the same ones in every step, however many processes and parts there are."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dfs_core.errors import ConfigError
from dfs_core.training.batches import Deal, seed_part


@given(processes=st.integers(1, 4), parts=st.integers(1, 4), size=st.integers(1, 3), start=st.integers(0, 3))
def test_every_item_of_a_step_is_dealt_once(processes, parts, size, start):
    batch, steps = processes * parts * size, 4
    dealt = [list(Deal(batch, parts, start, steps, rank, processes)) for rank in range(processes)]
    for number in range(steps - start):
        places = range(number * parts, (number + 1) * parts)
        items = [index for slots in dealt for place in places for index in slots[place]]
        assert sorted(items) == list(range((start + number) * batch, (start + number + 1) * batch))


def test_a_part_holds_the_same_items_in_one_process_and_in_two():
    alone = list(Deal(8, 2, 3, 4))
    first, second = (list(Deal(8, 2, 3, 4, rank, 2)) for rank in range(2))
    assert alone == [[24, 25, 26, 27], [28, 29, 30, 31]]
    assert first == [[24, 25], [28, 29]]
    assert second == [[26, 27], [30, 31]]


def test_no_two_slots_of_a_run_are_numbered_alike():
    slots = [Deal(12, 3, 0, 1, rank, 4).slot(part) for rank in range(4) for part in range(3)]
    assert sorted(slots) == list(range(12))


def test_batch_that_processes_cannot_share_is_refused():
    with pytest.raises(
        ConfigError, match=r"batch is 6, which 2 processes with accumulate=2 .*; set batch to a multiple o"
    ):
        Deal(6, 2, 0, 1, 0, 2)


def test_chance_is_that_of_the_slot():
    def draw(*place):
        seed_part(*place)
        return torch.rand(3).tolist()

    places = [(1, 0, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0)]
    draws = [draw(*place) for place in places]
    assert draws == [draw(*place) for place in places]
    assert len({tuple(numbers) for numbers in draws}) == len(places)
