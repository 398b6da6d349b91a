# ruff: noqa: ARG002, D102 (the functions are those of CUDA and TensorRT, whose manuals describe them)
"""A GPU that is not there: CUDA's driver and TensorRT's runtime with the rules that bind their callers, on a processor.

It computes by ONNX Runtime, and is strict where the real ones are silent: work on a stream is done no sooner than the
stream is waited for, memory must be allocated and large enough, a thread must have made the context current, a graph
holds the addresses of its recording. It says nothing of speed, nor of what the real ones do beyond these rules.
"""

import ctypes
import itertools
import threading
from collections import Counter
from collections.abc import Callable
from ctypes import c_char_p, c_int, c_void_p
from enum import Enum
from math import prod
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from dfs_core.engines.model_file import ModelFile
from dfs_core.engines.profile import Profile, choose_profile
from dfs_core.engines.target import Target
from dfs_core.runtime import tensorrt
from dfs_core.runtime.cuda_driver import PROTOTYPES

OUT_OF_MEMORY, INVALID_CONTEXT, CAPTURE_UNSUPPORTED, CAPTURE_INVALIDATED, NO_SUCH_THING = 2, 201, 900, 901, 400
CAPABILITY = {75: 8, 76: 6}
PLAN = b"plan:"
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
        return self._capture is not None

    def invalidate(self) -> None:
        self._invalidated = True

    def enqueue(self, work: Callable[[], None]) -> None:
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
            if name.startswith(("cuMem", "cuStream", "cuGraph")) and threading.get_ident() not in self._current:
                return INVALID_CONTEXT
            try:
                return function(*arguments) or 0
            except BaseException as error:  # noqa: BLE001 (ctypes would print and forget it)
                self.faults.append(error)
                return 999

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
        self.contexts -= 1
        self._current.clear()

    def _cuCtxSetCurrent(self, context: int) -> int | None:  # noqa: N802
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


def simulated_tensorrt(driver: SimulatedDriver, *, rtx: bool = False) -> Any:
    """Return a package that runs plans, which are model files behind `PLAN`, on a simulated GPU."""
    package: Any = ModuleType("tensorrt_rtx" if rtx else "tensorrt")
    package.__version__ = "1.7.1" if rtx else "10.3.0"
    package.ILogger = _Logger
    package.DataType = Enum("DataType", ["FLOAT", "UINT8"])
    package.ExecutionContextAllocationStrategy = Enum("Strategy", ["STATIC", "USER_MANAGED"])
    package.output_types = {}
    package.kernels = b""
    package.context_error = None
    if rtx:
        package.CudaGraphStrategy = Enum("CudaGraphStrategy", ["DISABLED", "WHOLE_GRAPH_CAPTURE"])
    package.Runtime = lambda logger: _Runtime(package, driver, logger)
    return package


def install_tensorrt(driver: SimulatedDriver, monkeypatch: pytest.MonkeyPatch, *, rtx: bool = False) -> Any:
    """Let the backend find a simulated package, and plans made for it; `builds` has the profiles that were built.

    The usual frames are small, so that the run at loading is quick.
    """
    package = simulated_tensorrt(driver, rtx=rtx)
    package.builds = []

    def build(model: ModelFile, profile: Profile, target: Target, **_: Any) -> bytes:
        package.builds.append(profile)
        return PLAN + model.content

    monkeypatch.setattr(tensorrt, "import_tensorrt", lambda: package)
    monkeypatch.setattr(tensorrt, "build", build)
    monkeypatch.setattr(
        tensorrt, "choose_profile", lambda *sides, **more: choose_profile(*sides, usual=(None, 72, 128), **more)
    )
    return package


class _Logger:
    Severity = Enum("Severity", ["INTERNAL_ERROR", "ERROR", "WARNING"])

    def __init__(self) -> None:
        pass


class _Runtime:
    def __init__(self, package: Any, driver: SimulatedDriver, logger: Any) -> None:
        self._package, self._driver, self._logger = package, driver, logger

    def deserialize_cuda_engine(self, plan: bytes) -> "_Engine | None":
        if not plan.startswith(PLAN):
            self._logger.log(_Logger.Severity.ERROR, "IRuntime::deserializeCudaEngine: magic tag does not match")
            return None
        return _Engine(self._package, self._driver, plan.removeprefix(PLAN))


class _RuntimeCache:
    def __init__(self, package: Any) -> None:
        self._package, self.content = package, b""

    def serialize(self) -> bytes | None:
        return self.content or self._package.kernels or None

    def deserialize(self, blob: bytes) -> bool:
        self.content = blob
        return True


class _RuntimeConfig:
    def __init__(self, package: Any) -> None:
        self._package, self.strategy, self.cuda_graph_strategy, self.cache = package, None, None, None

    def set_execution_context_allocation_strategy(self, strategy: Any) -> None:
        self.strategy = strategy

    def create_runtime_cache(self) -> _RuntimeCache:
        return _RuntimeCache(self._package)

    def set_runtime_cache(self, cache: _RuntimeCache) -> bool:
        self.cache = self._package.cache = cache
        return True


class _Engine:
    def __init__(self, package: Any, driver: SimulatedDriver, model: bytes) -> None:
        self._package, self._driver = package, driver
        self.session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])

    def create_runtime_config(self) -> _RuntimeConfig:
        return _RuntimeConfig(self._package)

    def create_execution_context(self, how: Any) -> "_Context":
        strategy = how.strategy if isinstance(how, _RuntimeConfig) else how
        if strategy is not self._package.ExecutionContextAllocationStrategy.USER_MANAGED:
            raise Fault(f"working memory by {strategy}")
        if self._package.context_error is not None:
            raise self._package.context_error
        return _Context(self.session, self._driver)

    def get_tensor_dtype(self, name: str) -> Any:
        kinds = self._package.DataType
        return self._package.output_types.get(name, kinds.FLOAT if name == "fog_density" else kinds.UINT8)


class _Context:
    """Knows the shapes of outputs by running the network once, and must itself be run once before it is recorded."""

    def __init__(self, session: ort.InferenceSession, driver: SimulatedDriver) -> None:
        self._session, self._driver = session, driver
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}
        self._working_memory = 0
        self._fresh = True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        names = [output.name for output in self._session.get_outputs()]
        values = self._session.run(names, {name: np.zeros(shape, np.uint8)})
        self._shapes = {name: shape} | {key: value.shape for key, value in zip(names, values, strict=True)}
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._shapes[name]

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def update_device_memory_size_for_shapes(self) -> int:
        return 64 * prod(self._shapes["frames"])

    def set_device_memory(self, address: int, size: int) -> None:
        self._driver.span(address, self.update_device_memory_size_for_shapes())
        self._working_memory = address

    def execute_async_v3(self, stream: int) -> bool:
        self._driver.calls["execute_async_v3"] += 1
        if self._driver.broken:
            return False
        if self._driver.capturing and (self._fresh or not self._driver.capturable):
            self._driver.invalidate()
            return False
        self._fresh = False
        addresses, working_memory = dict(self._addresses), self._working_memory
        self._driver.enqueue(lambda: self._compute(addresses, working_memory))
        return True

    def _compute(self, addresses: dict[str, int], working_memory: int) -> None:
        self._driver.span(working_memory, self.update_device_memory_size_for_shapes())
        shape = self._shapes["frames"]
        frames = self._driver.span(addresses["frames"], prod(shape)).reshape(shape)
        names = [output.name for output in self._session.get_outputs()]
        for name, value in zip(names, self._session.run(names, {"frames": frames}), strict=True):
            self._driver.span(addresses[name], value.nbytes)[:] = np.ascontiguousarray(value).view(np.uint8).ravel()
