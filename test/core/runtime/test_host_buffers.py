"""Pinned arrays are the caller's own for as long as a view of them lives, and are used again afterwards."""

import threading

import numpy as np
import pytest

from dfs_core.errors import BackendError
from dfs_core.runtime.host_buffers import KEPT, HostBuffers

SIZES = 3


class _Pins:
    def __init__(self):
        self.made, self.held, self.thread = 0, set(), threading.get_ident()

    def pin(self, array):
        self.made += 1
        self.held.add(array.ctypes.data)

    def unpin(self, array):
        assert threading.get_ident() == self.thread
        self.held.remove(array.ctypes.data)


@pytest.fixture
def pins():
    return _Pins()


@pytest.fixture
def buffers(pins):
    return HostBuffers(pins.pin, pins.unpin, sizes=SIZES)


def test_array_has_the_shape_and_type_asked_for(buffers):
    array = buffers.lend((2, 3, 5), np.float32)
    assert (array.shape, array.dtype, array.flags.c_contiguous) == ((2, 3, 5), np.float32, True)
    array[:] = 7.5
    assert array.sum() == 7.5 * 30


def test_memory_is_used_again_when_the_last_view_is_gone(buffers, pins):
    array = buffers.lend((4, 6), np.uint8)
    address = array.ctypes.data
    view = array[1:].T[::2]
    del array
    other = buffers.lend((4, 6), np.uint8)
    assert other.ctypes.data != address
    del view
    assert buffers.lend((24,), np.uint8).ctypes.data == address
    assert pins.made == 2


def test_no_two_arrays_share_a_page(buffers):
    arrays = [buffers.lend((10,), np.uint8) for _ in range(4)]
    assert len({array.ctypes.data // 4096 for array in arrays}) == 4


def test_caller_who_keeps_everything_gets_ordinary_memory_in_the_end(buffers, pins):
    kept = [buffers.lend((8,), np.uint8) for _ in range(KEPT + 3)]
    for index, array in enumerate(kept):
        array[:] = index
    assert [int(array[0]) for array in kept] == list(range(KEPT + 3))
    assert len(pins.held) == pins.made == KEPT


def test_lent_arrays_outlive_the_buffers(buffers, pins):
    array = buffers.lend((1000,), np.uint8)
    array[:] = 3
    buffers.close()
    assert pins.held == set()
    assert array.sum() == 3000


def test_memory_that_cannot_be_pinned_is_asked_for_once(pins):
    def refuse(array):
        pins.made += 1
        raise BackendError("not supported")

    buffers = HostBuffers(refuse, pins.unpin, sizes=SIZES)
    arrays = [buffers.lend((8,), np.uint8) for _ in range(3)]
    assert all(array.flags.owndata for array in arrays)
    assert pins.made == 1


def test_nothing_takes_no_memory(buffers, pins):
    assert buffers.lend((0, 3), np.uint8).shape == (0, 3)
    assert pins.made == 0


def test_sizes_that_are_no_longer_asked_for_are_unpinned(buffers, pins):
    for size in range(1, 401):
        buffers.lend((size,), np.uint8)
    assert len(pins.held) == SIZES


def test_size_unused_for_longest_gives_way(buffers, pins):
    for size in (1, 2, 3, 1, 4):
        buffers.lend((size,), np.uint8)
    made = pins.made
    for size in (3, 1, 4):
        buffers.lend((size,), np.uint8)
    assert pins.made == made
    buffers.lend((2,), np.uint8)
    assert pins.made == made + 1


def test_sizes_in_turn_pin_nothing_anew(buffers, pins):
    for _ in range(50):
        for size in range(1, SIZES + 1):
            buffers.lend((size,), np.uint8)
    assert (pins.made, len(pins.held)) == (SIZES, SIZES)


def test_array_of_a_size_that_gave_way_is_unpinned_when_it_is_back_and_the_next_is_lent(buffers, pins):
    kept = [buffers.lend((10,), np.uint8)]
    kept[0][:] = 5
    for size in range(1, SIZES + 1):
        buffers.lend((size,), np.uint8)
    assert len(pins.held) == SIZES + 1
    assert kept[0].sum() == 50
    thread = threading.Thread(target=kept.clear)
    thread.start()
    thread.join(60)
    assert len(pins.held) == SIZES + 1  # the other thread touches no device
    buffers.lend((1,), np.uint8)
    assert len(pins.held) == SIZES


def test_size_that_comes_back_finds_its_buffers(buffers, pins):
    kept = [buffers.lend((10,), np.uint8) for _ in range(KEPT)]
    for size in range(1, SIZES + 1):
        buffers.lend((size,), np.uint8)
    made, addresses = pins.made, {array.ctypes.data for array in kept}
    assert buffers.lend((10,), np.uint8).flags.owndata  # those that are lent count still
    kept.clear()
    assert buffers.lend((10,), np.uint8).ctypes.data in addresses
    assert pins.made == made


def test_buffers_that_gave_way_are_unpinned_at_the_end(buffers, pins):
    kept = [buffers.lend((size,), np.uint8) for size in range(1, 2 * SIZES)]
    buffers.close()
    assert pins.held == set()
    kept.clear()
