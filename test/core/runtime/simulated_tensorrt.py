# ruff: noqa: ARG002 (the functions are those of TensorRT, whose manual describes them)
"""TensorRT's runtime on a GPU that is not there: it runs plans by ONNX Runtime, through `SimulatedDriver`'s streams."""

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

from .simulated_driver import Fault, SimulatedDriver

PLAN = b"plan:"


def simulated_tensorrt(driver: SimulatedDriver, *, rtx: bool = False) -> Any:
    """Return a package that runs plans, which are model files behind `PLAN`, on a simulated GPU.

    It `says` errors, given by the name of the function that says them, whether that fails or not.
    """
    package: Any = ModuleType("tensorrt_rtx" if rtx else "tensorrt")
    package.__version__ = "1.7.1" if rtx else "10.3.0"
    package.ILogger = _Logger
    package.DataType = Enum("DataType", ["FLOAT", "UINT8"])
    package.ExecutionContextAllocationStrategy = Enum("Strategy", ["STATIC", "USER_MANAGED"])
    package.output_types = {}
    package.output_shapes = {}
    package.logger = None
    package.says = {}
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
        package.logger = package.logger or logger
        if logger is not package.logger:
            raise Fault("logger passed into createInferRuntime differs from one already registered")
        self._package, self._driver = package, driver

    def deserialize_cuda_engine(self, plan: bytes) -> "_Engine | None":
        if not plan.startswith(PLAN):
            _say(self._package, "IRuntime::deserializeCudaEngine: magic tag does not match")
            return None
        return _Engine(self._package, self._driver, plan.removeprefix(PLAN))


def _say(package: Any, *messages: str) -> None:
    for message in messages:
        package.logger.log(_Logger.Severity.ERROR, message)


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
        _say(self._package, *self._package.says.get("create_execution_context", ()))
        if self._package.context_error is not None:
            raise self._package.context_error
        return _Context(self._package, self.session, self._driver)

    def get_tensor_dtype(self, name: str) -> Any:
        kinds = self._package.DataType
        return self._package.output_types.get(name, kinds.FLOAT if name == "fog_density" else kinds.UINT8)


class _Context:
    """Knows the shapes of outputs by running the network once, and must itself be run once before it is recorded."""

    def __init__(self, package: Any, session: ort.InferenceSession, driver: SimulatedDriver) -> None:
        self._package, self._session, self._driver = package, session, driver
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
        return self._package.output_shapes.get(name, self._shapes[name])

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
        _say(self._package, *self._package.says.get("execute_async_v3", ()))
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
