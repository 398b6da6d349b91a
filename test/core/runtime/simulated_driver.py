# ruff: noqa: ARG002 (the functions are those of CUDA, whose manual describes them)
"""A GPU that is not there: CUDA's driver with the rules that bind its callers, on a processor.

It is strict where the real one is silent: work on a stream is done no sooner than the stream is waited for, memory must
be allocated and large enough, a thread must have made the context current, a graph holds the addresses of its
recording. It says nothing of speed, nor of what the real one does beyond these rules.
"""

import ctypes
import itertools
import threading
from collections import Counter
from collections.abc import Callable
from ctypes import c_char_p, c_int, c_void_p
from typing import Any

import numpy as np

from dfs_core.runtime.cuda_driver import PROTOTYPES

OUT_OF_MEMORY, INVALID_CONTEXT, CAPTURE_UNSUPPORTED, CAPTURE_INVALIDATED, NO_SUCH_THING = 2, 201, 900, 901, 400
UNKNOWN = 999
CAPABILITY = {75: 8, 76: 6}
NAME = b"Simulated GPU"


class Fault(Exception):  # noqa: N818 (what a real driver would answer with a segmentation fault, or not at all)
    """A rule was broken that no real driver would tell of."""


class SimulatedDriver:
    """The functions of `PROTOTYPES`, callable by ctypes.

    Attributes:
        calls: how often each function was called.
        copied: bytes that went "up" and "down", and those of them that were not from or to pinned memory ("pageable").
        memory: what is allocated, by address.
        pinned: size of what is pinned, by address.
        room: bytes on the device.
        capturable: whether networks can be recorded.
        can_pin: whether memory can be pinned.
        broken: whether TensorRT refuses to run networks.
        refuses: names of functions that fail.
        faults: what callers did wrong.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.copied: Counter[str] = Counter()
        self.memory: dict[int, Any] = {}
        self.pinned: dict[int, int] = {}
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self.room = 1 << 30
        self.contexts = self.streams = 0
        self.capturable = self.can_pin = True
        self.broken = False
        self.refuses: set[str] = set()
        self.faults: list[BaseException] = []
        self._current: set[int] = set()
        self._stream: list[Callable[[], None]] = []
        self._capture: list[Callable[[], None]] | None = None
        self._invalidated = False
        self._handles = itertools.count(0x1000)
        for name, parameters in PROTOTYPES.items():
            kinds = [c_void_p if kind is c_char_p else kind for kind in parameters]
            setattr(self, name, ctypes.CFUNCTYPE(c_int, *kinds)(self._guarded(name)))

    @property
    def capturing(self) -> bool:
        """Whether the stream is being recorded."""
        return self._capture is not None

    @property
    def is_idle(self) -> bool:
        """Whether all that was put on the stream is done."""
        return not self._stream

    @property
    def is_current(self) -> bool:
        """Whether the calling thread has a context."""
        return threading.get_ident() in self._current

    def invalidate(self) -> None:
        """Spoil the recording, as a call that cannot be recorded does."""
        self._invalidated = True

    def enqueue(self, work: Callable[[], None]) -> None:
        """Put work on the stream, or into what is being recorded."""
        (self._stream if self._capture is None else self._capture).append(work)

    def span(self, address: int, size: int) -> Any:
        """Return the bytes at an address on the device."""
        for start, block in self.memory.items():
            if start <= address and address + size <= start + len(block):
                return np.frombuffer(block, np.uint8)[address - start : address - start + size]
        raise Fault(f"{size} bytes at {address:#x} are not allocated")

    def _guarded(self, name: str) -> Callable[..., int]:
        function = getattr(self, f"_{name}")

        def call(*arguments: Any) -> int:
            self.calls[name] += 1
            if name.startswith(("cuMem", "cuStream", "cuGraph")) and not self.is_current:
                return INVALID_CONTEXT
            if name in self.refuses:
                return UNKNOWN
            try:
                return function(*arguments) or 0
            except BaseException as error:  # noqa: BLE001 (ctypes would print and forget it)
                self.faults.append(error)
                return UNKNOWN

        return call

    def _cuGetErrorString(self, status: int, words: Any) -> None:  # noqa: N802
        words[0] = {OUT_OF_MEMORY: b"out of memory"}.get(status, b"something else")

    def _cuDeviceGet(self, device: Any, ordinal: int) -> None:  # noqa: N802
        device[0] = ordinal

    def _cuDeviceGetName(self, place: int, length: int, device: int) -> None:  # noqa: N802
        ctypes.memmove(place, NAME + b"\0", len(NAME) + 1)

    def _cuDeviceGetAttribute(self, value: Any, attribute: int, device: int) -> None:  # noqa: N802
        value[0] = CAPABILITY[attribute]

    def _cuDevicePrimaryCtxRetain(self, context: Any, device: int) -> None:  # noqa: N802
        self.contexts += 1
        context[0] = 0x77

    def _cuDevicePrimaryCtxRelease_v2(self, device: int) -> None:  # noqa: N802
        if self.is_current:
            raise Fault("the context is given back while it is current")
        self.contexts -= 1
        if not self.contexts:
            self._current.clear()

    def _cuCtxSetCurrent(self, context: int | None) -> int | None:  # noqa: N802
        if context is None:
            self._current.discard(threading.get_ident())
            return None
        if context != 0x77 or not self.contexts:
            return INVALID_CONTEXT
        self._current.add(threading.get_ident())
        return None

    def _cuStreamCreate(self, stream: Any, flags: int) -> None:  # noqa: N802
        self.streams += 1
        stream[0] = 0x55

    def _cuStreamDestroy_v2(self, stream: int) -> None:  # noqa: N802
        self.streams -= 1

    def _cuStreamSynchronize(self, stream: int) -> int | None:  # noqa: N802
        if self.capturing:
            self.invalidate()
            return CAPTURE_UNSUPPORTED
        work, self._stream = self._stream, []
        for step in work:
            step()
        return None

    def _cuStreamBeginCapture_v2(self, stream: int, mode: int) -> None:  # noqa: N802
        if self.capturing:
            raise Fault("captures already")
        self._capture, self._invalidated = [], False

    def _cuStreamEndCapture(self, stream: int, graph: Any) -> int | None:  # noqa: N802
        recorded, self._capture = self._capture, None
        if recorded is None:
            raise Fault("captures nothing")
        if self._invalidated:
            return CAPTURE_INVALIDATED
        graph[0] = next(self._handles)
        self.graphs[graph[0]] = recorded
        return None

    def _cuGraphInstantiateWithFlags(self, executable: Any, graph: int, flags: int) -> None:  # noqa: N802
        executable[0] = next(self._handles)
        self.graphs[executable[0]] = list(self.graphs[graph])

    def _cuGraphLaunch(self, executable: int, stream: int) -> None:  # noqa: N802
        for work in self.graphs[executable]:
            self.enqueue(work)

    def _cuGraphExecDestroy(self, executable: int) -> None:  # noqa: N802
        del self.graphs[executable]

    _cuGraphDestroy = _cuGraphExecDestroy  # noqa: N815

    def _cuMemGetInfo_v2(self, free: Any, whole: Any) -> None:  # noqa: N802
        whole[0] = self.room
        free[0] = self.room - sum(map(len, self.memory.values()))

    def _cuMemAlloc_v2(self, address: Any, size: int) -> int | None:  # noqa: N802
        if self.capturing:
            self.invalidate()
            return CAPTURE_UNSUPPORTED
        if size == 0 or sum(map(len, self.memory.values())) + size > self.room:
            return OUT_OF_MEMORY
        block = (ctypes.c_uint8 * size)()
        address[0] = ctypes.addressof(block)
        self.memory[address[0]] = block
        return None

    def _cuMemFree_v2(self, address: int) -> None:  # noqa: N802
        if self._stream:
            raise Fault("memory is freed while the stream may use it")
        del self.memory[address]

    def _cuMemHostRegister_v2(self, address: int, size: int, flags: int) -> int | None:  # noqa: N802
        if not self.can_pin:
            return NO_SUCH_THING
        if any(start < address + size and address < start + length for start, length in self.pinned.items()):
            raise Fault("pinned already")
        self.pinned[address] = size
        return None

    def _cuMemHostUnregister(self, address: int) -> None:  # noqa: N802
        if self._stream:
            raise Fault("memory is unpinned while the stream may use it")
        del self.pinned[address]

    def _cuMemcpyHtoDAsync_v2(self, target: int, source: int, size: int, stream: int) -> None:  # noqa: N802
        self._count("up", source, size)

        def copy() -> None:
            ctypes.memmove(self.span(target, size).ctypes.data, source, size)

        self.enqueue(copy)

    def _cuMemcpyDtoHAsync_v2(self, target: int, source: int, size: int, stream: int) -> None:  # noqa: N802
        self._count("down", target, size)

        def copy() -> None:
            ctypes.memmove(target, self.span(source, size).ctypes.data, size)

        self.enqueue(copy)

    def _count(self, way: str, host: int, size: int) -> None:
        self.copied[way] += size
        if not any(start <= host and host + size <= start + length for start, length in self.pinned.items()):
            self.copied["pageable"] += size
