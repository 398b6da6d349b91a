"""A TensorRT engine that is loaded: its network at any shape that its profile holds. Only a GPU can run this file.

Each shape has a lane of its own: an execution context, memory on the device at fixed addresses, and a CUDA graph. A
graph holds addresses and belongs to the state that its context had when it was recorded, so a context never changes its
shape. Working memory is given per lane, as much as its shape needs: TensorRT itself would reserve for the largest shape
of the profile. Copies stay outside of the graph: so results may go to another array each time, and an output that is
not wanted is not copied. In the steady state nothing is allocated, on the device or in pinned memory.

TensorRT for RTX compiles kernels at run time and records graphs by itself when it has the right ones; a graph of ours
would hold its makeshift kernels for ever. What it compiled serves all lanes, and can be kept: `kernels`.
"""

import logging
import math
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfs_core.artifact import DEHAZED, FOG_DENSITY, FRAMES, MASK
from dfs_core.engines.messages import explain, message_log
from dfs_core.errors import BackendError
from dfs_core.runtime.cuda_driver import CudaDevice
from dfs_core.runtime.dehazer import Batch, Frames
from dfs_core.runtime.host_buffers import HostBuffers
from dfs_core.runtime.tensorrt_api import Context, Engine, Runtime, RuntimeCache, RuntimeConfig

DTYPES: dict[str, np.dtype[Any]] = {
    DEHAZED: np.dtype(np.uint8),
    MASK: np.dtype(np.uint8),
    FOG_DENSITY: np.dtype(np.float32),
}
"""The outputs of a model file."""

LANES = 8
"""Shapes that are kept ready; the one unused for longest gives way."""

SIZES = 3 * LANES
"""Sizes of pinned memory that are kept: those of the frames, masks and fog densities of as many shapes."""

Shape = tuple[int, int, int]
"""(N, H, W) of frames."""

_WORKING_MEMORY = "working memory"

_ANOTHER_WAY = (
    "give smaller or fewer frames, build its engine again with `dfs build-engine MODEL --rebuild`, or use another "
    "backend"
)

_logger = logging.getLogger(__name__)


class EngineSession:
    """An engine on a device. One thread at a time may use it, where the device is current.

    Attributes:
        device: where it is.
        buffers: pinned memory for what comes from the device.
        log: what TensorRT says.
    """

    def __init__(self, tensorrt: ModuleType, device: CudaDevice, plan: bytes, *, kernels: bytes | None = None) -> None:
        """Load an engine.

        Args:
            tensorrt: the package that built it.
            device: a device that is current in this thread.
            plan: the engine.
            kernels: what `kernels` returned at an earlier time.

        Raises:
            BackendError: it is not one for this GPU and version.
        """
        self.device = device
        self.buffers = HostBuffers(device.pin, device.unpin, sizes=SIZES)
        self.log = message_log(tensorrt)
        self._tensorrt = tensorrt
        self._lanes: OrderedDict[Shape, Lane] = OrderedDict()
        with self.log.collecting() as errors:
            try:
                self._runtime: Runtime = tensorrt.Runtime(self.log)
                engine = self._runtime.deserialize_cuda_engine(plan)
            except (RuntimeError, TypeError) as error:  # pybind11's for a null pointer
                raise self._refusal(f"does not start ({error})", errors) from error
        if engine is None:
            raise self._refusal("cannot load this engine", errors)
        self._engine: Engine = engine
        self._check_types()
        self._rtx_config, self._rtx_cache = self._configure_rtx(kernels)

    @property
    def records_itself(self) -> bool:
        """Whether TensorRT records graphs by itself."""
        return self._rtx_config is not None

    def lane(self, shape: Shape) -> "Lane":
        """Return what runs frames of a shape, made now if it is not there: the network then runs once or twice.

        Raises:
            BackendError: the engine does not take the shape, or the device has too little memory.
        """
        lane = self._lanes.get(shape)
        if lane is None:
            while len(self._lanes) >= LANES:
                self._lanes.popitem(last=False)[1].close()
            lane = self._lanes[shape] = Lane(self, self._new_context(), shape)
        self._lanes.move_to_end(shape)
        return lane

    def kernels(self) -> bytes | None:
        """Return the kernels that TensorRT for RTX compiled here, for the next start; None of TensorRT."""
        kernels = None if self._rtx_cache is None else self._rtx_cache.serialize()
        return None if kernels is None else bytes(kernels)

    def close(self) -> None:
        """Free all, the engine after its contexts; the device must be current."""
        while self._lanes:
            self._lanes.popitem()[1].close()
        self.buffers.close()
        self._rtx_config = self._rtx_cache = None
        del self._engine, self._runtime

    def run_failed(self, shape: Shape, errors: list[str]) -> BackendError:
        """Return the error of a network that could not be put on the stream, given what TensorRT said of it."""
        refusal = self._refusal(f"failed on frames of {list(shape)}", errors)
        return BackendError(f"{refusal}; {_ANOTHER_WAY}")

    def _new_context(self) -> Context:
        strategy = self._tensorrt.ExecutionContextAllocationStrategy.USER_MANAGED
        how = strategy if self._rtx_config is None else self._rtx_config
        with self.log.collecting() as errors:
            try:
                context = self._engine.create_execution_context(how)
            except RuntimeError as error:
                raise self._refusal(f"cannot make this engine ready ({error})", errors) from error
        if context is None:
            raise self._refusal("cannot make room for this engine; free GPU memory", errors)
        return context

    def _check_types(self) -> None:
        """Refuse an engine whose outputs would not fit into the memory that is made for them."""
        kinds = self._tensorrt.DataType
        wanted = {FRAMES: kinds.UINT8, DEHAZED: kinds.UINT8, MASK: kinds.UINT8, FOG_DENSITY: kinds.FLOAT}
        for name, kind in wanted.items():
            if (found := self._engine.get_tensor_dtype(name)) != kind:
                raise BackendError(f"the engine's '{name}' is {found}, not {kind}; export the model file again")

    def _configure_rtx(self, kernels: bytes | None) -> tuple[RuntimeConfig | None, RuntimeCache | None]:
        if not hasattr(self._tensorrt, "CudaGraphStrategy"):
            return None, None
        settings = self._engine.create_runtime_config()
        settings.set_execution_context_allocation_strategy(
            self._tensorrt.ExecutionContextAllocationStrategy.USER_MANAGED
        )
        settings.cuda_graph_strategy = self._tensorrt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        cache = settings.create_runtime_cache()
        if kernels is not None and not cache.deserialize(kernels):
            _logger.info("the kernels that were kept are not for this GPU, driver or TensorRT; compiling them again")
        settings.set_runtime_cache(cache)
        return settings, cache

    def _refusal(self, what: str, errors: list[str]) -> BackendError:
        said = f": {explain(errors)}" if errors else ""
        return BackendError(f"{self._tensorrt.__name__} {self._tensorrt.__version__} {what}{said}")


class Lane:
    """An engine at one shape of its frames.

    Attributes:
        shapes: that of each output.
    """

    def __init__(self, session: EngineSession, context: Context, shape: Shape) -> None:
        self._session, self._device, self._context = session, session.device, context
        self._shape = shape
        self._addresses: dict[str, int] = {}
        self._graph: int | None = None
        self._staging: Frames = session.buffers.lend((*shape, 3), np.uint8)
        self._staging[:] = 0
        try:
            self.shapes = self._prepare()
            self.run(self._staging, {})  # a change of shape is only finished by a run, which cannot be recorded
            if not session.records_itself:
                self._graph = self._record()
        except BaseException:
            with suppress(BackendError):  # what is on the stream still uses the memory
                self._device.synchronize()
            self.close()
            raise

    def run(self, frames: Batch, outputs: Mapping[str, NDArray[Any]]) -> None:
        """Run the network.

        Args:
            frames: of the lane's H and W and at most its N, uint8; the rest is whatever was there before.
            outputs: where to put the outputs that are wanted, C-contiguous [n, …].
        """
        if frames is not self._staging:
            for frame, pinned in zip(frames, self._staging, strict=False):
                np.copyto(pinned, frame)
        try:
            self._device.upload(self._staging, self._addresses[FRAMES])
            self.enqueue()
            for name, output in outputs.items():
                self._device.download(self._addresses[name], output)
        except BaseException:
            with suppress(BackendError):  # what is on the stream still reads and writes the arrays
                self._device.synchronize()
            raise
        self._device.synchronize()

    def enqueue(self) -> None:
        """Put the network alone on the stream, on the frames that are on the device already."""
        if self._graph is not None:
            self._device.launch(self._graph)
            return
        with self._session.log.collecting() as errors:
            self._require(self._context.execute_async_v3(self._device.stream), errors)

    def close(self) -> None:
        """Free its graph and its memory."""
        if self._graph is not None:
            self._device.destroy_graph(self._graph)
            self._graph = None
        del self._context
        while self._addresses:
            self._device.free(self._addresses.popitem()[1])

    def _prepare(self) -> dict[str, tuple[int, ...]]:
        """Tell the context its shape and its memory; return the shapes of the outputs."""
        with self._session.log.collecting() as errors:
            self._require(self._context.set_input_shape(FRAMES, (*self._shape, 3)), errors)
            shapes = {name: self._output_shape(name) for name in DTYPES}
            sizes = {name: math.prod(shapes[name]) * dtype.itemsize for name, dtype in DTYPES.items()}
            for name, size in {FRAMES: self._staging.nbytes, **sizes}.items():
                self._addresses[name] = self._device.allocate(size)
                self._require(self._context.set_tensor_address(name, self._addresses[name]), errors)
            if (size := self._context.update_device_memory_size_for_shapes()) > 0:
                self._addresses[_WORKING_MEMORY] = self._device.allocate(size)
            self._context.set_device_memory(self._addresses.get(_WORKING_MEMORY, 0), size)
        return shapes

    def _output_shape(self, name: str) -> tuple[int, ...]:
        shape = tuple(map(int, self._context.get_tensor_shape(name)))
        if min(shape, default=0) < 0:
            raise BackendError(
                f"the engine's '{name}' is {list(shape)} for frames of {list(self._shape)}: only a run would tell its "
                "sides; export the model file again with `dfs export CHECKPOINT`, or use another backend"
            )
        return shape

    def _require(self, done: bool, errors: list[str]) -> None:
        """Refuse what TensorRT has not done, with what it said of it."""
        if not done:
            raise self._session.run_failed(self._shape, errors)

    def _record(self) -> int | None:
        """Return the network as a graph, or None where it cannot be one; it then runs kernel by kernel."""
        graph, done = None, False
        with self._session.log.collecting() as errors:
            try:
                self._device.begin_capture()
                done = self._context.execute_async_v3(self._device.stream)
                graph = self._device.end_capture()
            except BackendError as error:
                errors.insert(0, str(error))
        if done and graph is not None:
            return graph
        _logger.info("frames of %s run without a CUDA graph: %s", list(self._shape), explain(errors))
        if graph is not None:
            self._device.destroy_graph(graph)
        return None
