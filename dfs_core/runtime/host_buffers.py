"""Arrays in pinned memory that callers may keep as long as they like, and that are used again when they let go.

Results of a GPU land in memory; making and pinning it anew for each frame would cost more than the copy. So each array
is lent: it is the caller's own, nothing overwrites it, and when the last reference to it is gone its memory serves the
next frame. Two or three arrays of a size are all that a node ever makes. Sizes that are no longer asked for give their
memory back.
"""

import mmap
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dfs_core.errors import BackendError

KEPT = 8
"""Buffers of one size that are pinned; a caller who keeps more results gets ordinary memory, which is only slower."""

Bytes = NDArray[np.uint8]


class HostBuffers:
    """Pinned memory, by size. Arrays may be let go of in any thread; all else is for one thread at a time."""

    def __init__(self, pin: Callable[[Bytes], None], unpin: Callable[[Bytes], None], *, sizes: int) -> None:
        """Hold nothing yet.

        Args:
            pin: pins the pages of an array, or raises BackendError where that cannot be.
            unpin: undoes it.
            sizes: how many sizes keep their buffers; the one unused for longest gives way.
        """
        self._pin, self._unpin, self._most = pin, unpin, sizes
        self._sizes: OrderedDict[int, _Buffers] = OrderedDict()
        self._dropped: dict[int, _Buffers] = {}
        self._can_pin = True

    def lend(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array for the caller to keep; its content is arbitrary."""
        kind = np.dtype(dtype)
        size = prod(shape) * kind.itemsize
        buffers = self._buffers(size)
        if self._dropped:
            self._sweep()
        memory = buffers.idle.popleft() if buffers.idle else self._make(size, buffers)
        if memory is None:
            return np.empty(shape, kind)
        return np.asarray(_Loan(memory, shape, kind, buffers.idle.append))

    def close(self) -> None:
        """Unpin all memory. Arrays that are still lent stay whole: their memory is Python's."""
        for buffers in (*self._sizes.values(), *self._dropped.values()):
            for memory in buffers.pinned.values():
                self._unpin(memory)
        self._sizes.clear()
        self._dropped.clear()

    def _buffers(self, size: int) -> "_Buffers":
        """Return those of a size, which is now the one used last."""
        buffers = self._sizes.get(size)
        if buffers is None:
            buffers = self._sizes[size] = self._dropped.pop(size, _Buffers())
            if len(self._sizes) > self._most:
                oldest, dropped = self._sizes.popitem(last=False)
                self._dropped[oldest] = dropped
        self._sizes.move_to_end(size)
        return buffers

    def _sweep(self) -> None:
        """Unpin what is idle of the sizes that gave way; the thread that lets go may lack the device."""
        for size, buffers in tuple(self._dropped.items()):
            while buffers.idle:
                memory = buffers.idle.popleft()
                self._unpin(memory)
                del buffers.pinned[memory.ctypes.data]
            if not buffers.pinned:
                del self._dropped[size]

    def _make(self, size: int, buffers: "_Buffers") -> Bytes | None:
        """Return new pinned memory, or None where there is no more to be had."""
        if size == 0 or not self._can_pin or len(buffers.pinned) >= KEPT:
            return None
        pages: Bytes = np.frombuffer(mmap.mmap(-1, size), np.uint8)  # whole pages, which no other array shares
        try:
            self._pin(pages)
        except BackendError:
            self._can_pin = False
            return None
        buffers.pinned[pages.ctypes.data] = pages
        return pages


class _Buffers:
    """The pinned memory of one size: all of it, by address, and that which nobody uses."""

    def __init__(self) -> None:
        self.pinned: dict[int, Bytes] = {}
        self.idle: deque[Bytes] = deque()


class _Loan:
    """What an array that is lent stands on. It goes with the last view of the array, and then gives the memory back."""

    def __init__(
        self, memory: Bytes, shape: tuple[int, ...], dtype: np.dtype[Any], give_back: Callable[[Bytes], None]
    ) -> None:
        self._return = partial(give_back, memory)
        self.__array_interface__ = {
            "data": (memory.ctypes.data, False),
            "shape": shape,
            "typestr": dtype.str,
            "version": 3,
        }

    def __del__(self) -> None:
        self._return()
