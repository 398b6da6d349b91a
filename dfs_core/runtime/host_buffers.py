"""Arrays in pinned memory that callers may keep as long as they like, and that are used again when they let go.

Results of a GPU land in memory; making and pinning it anew for each frame would cost more than the copy. So each array
is lent: it is the caller's own, nothing overwrites it, and when the last reference to it is gone its memory serves the
next frame. Two or three arrays of a size are all that a node ever makes.
"""

import mmap
from collections import defaultdict, deque
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

    def __init__(self, pin: Callable[[Bytes], None], unpin: Callable[[Bytes], None]) -> None:
        """Hold nothing yet.

        Args:
            pin: pins the pages of an array, or raises BackendError where that cannot be.
            unpin: undoes it.
        """
        self._pin, self._unpin = pin, unpin
        self._pinned: dict[int, list[Bytes]] = defaultdict(list)
        self._idle: dict[int, deque[Bytes]] = defaultdict(deque)
        self._can_pin = True

    def lend(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array for the caller to keep; its content is arbitrary."""
        kind = np.dtype(dtype)
        size = prod(shape) * kind.itemsize
        idle = self._idle[size]
        memory = idle.popleft() if idle else self._make(size)
        if memory is None:
            return np.empty(shape, kind)
        return np.asarray(_Loan(memory, shape, kind, idle.append))

    def close(self) -> None:
        """Unpin all memory. Arrays that are still lent stay whole: their memory is Python's."""
        for memories in self._pinned.values():
            for memory in memories:
                self._unpin(memory)
        self._pinned.clear()
        self._idle.clear()

    def _make(self, size: int) -> Bytes | None:
        """Return new pinned memory, or None where there is no more to be had."""
        if size == 0 or not self._can_pin or len(self._pinned[size]) >= KEPT:
            return None
        pages: Bytes = np.frombuffer(mmap.mmap(-1, size), np.uint8)  # whole pages, which no other array shares
        try:
            self._pin(pages)
        except BackendError:
            self._can_pin = False
            return None
        self._pinned[size].append(pages)
        return pages


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
