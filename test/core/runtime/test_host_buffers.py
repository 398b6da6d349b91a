"""Pinned arrays are the caller's own for as long as a view of them lives, and are used again afterwards."""

import numpy as np
import pytest

from dfs_core.errors import BackendError
from dfs_core.runtime.host_buffers import KEPT, HostBuffers


class _Pins:
    def __init__(self):
        self.made, self.held = 0, set()

    def pin(self, array):
        self.made += 1
        self.held.add(array.ctypes.data)

    def unpin(self, array):
        self.held.remove(array.ctypes.data)


@pytest.fixture
def pins():
    return _Pins()


@pytest.fixture
def buffers(pins):
    return HostBuffers(pins.pin, pins.unpin)


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

    buffers = HostBuffers(refuse, pins.unpin)
    arrays = [buffers.lend((8,), np.uint8) for _ in range(3)]
    assert all(array.flags.owndata for array in arrays)
    assert pins.made == 1


def test_nothing_takes_no_memory(buffers, pins):
    assert buffers.lend((0, 3), np.uint8).shape == (0, 3)
    assert pins.made == 0
