"""TensorRT on an NVIDIA GPU: the model file as an engine that is built at the first start and then kept."""

import logging
import time
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dfs_core.artifact import DEHAZED, FOG_DENSITY, FRAMES, MASK, OUTPUTS, Artifact
from dfs_core.engines.build import build
from dfs_core.engines.cache import EngineCache
from dfs_core.engines.flavour import import_tensorrt
from dfs_core.engines.key import EngineKey
from dfs_core.engines.model_file import read_model
from dfs_core.engines.profile import choose_profile
from dfs_core.engines.target import Gpu, choose_target
from dfs_core.errors import BackendError
from dfs_core.runtime.cuda_driver import CudaDevice, DeviceMemory, byte_size
from dfs_core.runtime.dehazer import Dehazer, Frames, Result, check_frames

_DTYPES: dict[str, np.dtype[Any]] = {
    DEHAZED: np.dtype(np.uint8),
    MASK: np.dtype(np.uint8),
    FOG_DENSITY: np.dtype(np.float32),
}
_REPORT_EVERY_S = 10.0

_logger = logging.getLogger(__name__)


class TensorRtDehazer(Dehazer):
    """A model on an NVIDIA GPU. Frames of a batch run one by one; an output that is not wanted is not fetched."""

    backend: ClassVar[str] = "tensorrt"

    def __init__(self, path: Path, artifact: Artifact, *, precision: str, threads: int | None) -> None:
        """Find the engine on disk, built by `dfs build-engine` or at an earlier start, or build it.

        Args:
            path: the model file.
            artifact: its description.
            precision: "fp32", or "auto" to allow TF32.
            threads: not used.

        Raises:
            BackendError: the file was quantised for processors, there is no GPU, or TensorRT cannot build the engine.
        """
        del threads
        super().__init__(artifact, precision=artifact.precision)
        self._model = read_model(path, artifact)
        self._tensorrt = import_tensorrt()
        self._device = CudaDevice()
        self._cache = EngineCache()
        self._session: _Session | None = None
        try:
            self._key = self._choose(tf32=precision == "auto")
            self._plan: bytes | None = self._fetch()
        except BaseException:
            self._device.close()
            raise

    def __call__(self, frames: Frames, *, dehaze: bool = True, segment: bool = True) -> Result:
        """Run the model on RGB frames, uint8 [N, H, W, 3]; the result is the caller's to keep.

        Raises:
            FrameError: `frames` is not uint8 [N, H, W, 3].
            BackendError: the frames are larger than the engine takes, or TensorRT failed.
        """
        check_frames(frames)
        height, width = frames.shape[1:3]
        if not self._key.profile.holds((1, height, width)):
            raise BackendError(
                f"the engine takes {self._key.profile}, not {width}x{height}; build another one with "
                f"`dfs build-engine {self._model.path} --size {width}x{height}`, or use another backend"
            )
        frames = np.ascontiguousarray(frames)
        wanted = [*([DEHAZED] if dehaze else []), *([MASK] if segment else []), FOG_DENSITY]
        session = self._session or self._open()
        results = [session.run(frames[index : index + 1], wanted) for index in range(len(frames))]
        joined = {name: np.concatenate([result[name] for result in results]) for name in wanted}
        if len(results) == 1:
            joined = results[0]
        return Result(joined.get(DEHAZED), joined.get(MASK), joined[FOG_DENSITY])

    def close(self) -> None:
        """Free the engine and what it holds on the GPU."""
        if self._session is not None:
            self._session.close()
            self._session = None
        self._device.close()

    def _choose(self, *, tf32: bool) -> EngineKey:
        """Return the key of the engine for this GPU: the one built last, whatever its sizes, or that of a new one."""
        gpu = Gpu(self._device.name, self._device.compute_capability)
        target, profile = choose_target(self._tensorrt, gpu), choose_profile(self._model.sides)
        wanted = EngineKey.of(self._model, self._tensorrt, target, profile, tf32=tf32)
        return self._cache.find(wanted, gpu) or wanted

    def _fetch(self, *, rebuild: bool = False) -> bytes:
        return self._cache.get(self._key, self._build, model=self._model.path.name, rebuild=rebuild)

    def _open(self) -> "_Session":
        """Load the engine in the thread that will use it; one that does not load is built again, once."""
        self._device.make_current()
        plan = self._plan or self._fetch()
        try:
            self._session = _Session(self._tensorrt, self._device, plan)
        except BackendError as error:
            _logger.warning("%s: %s; building its engine again", self._model.path, error)
            self._session = _Session(self._tensorrt, self._device, self._fetch(rebuild=True))
        self._plan = None  # the engine has its own copy
        return self._session

    def _build(self) -> bytes:
        _logger.info(
            "%s: building its %s engine for %s; this takes minutes, and is done once",
            self._model.path,
            self._tensorrt.__name__,
            self._key.target,
        )
        reported = time.monotonic()

        def report(step: str, share: float) -> bool:
            nonlocal reported
            if time.monotonic() - reported >= _REPORT_EVERY_S:
                reported = time.monotonic()
                _logger.info("%s: %.0f %%, %s", self._model.path, 100 * share, step)
            return True

        key = self._key
        return build(self._model, key.profile, key.target, tensorrt=self._tensorrt, tf32=key.tf32, on_progress=report)


class _Session:
    """An engine that is loaded, with its memory on the device."""

    def __init__(self, tensorrt: ModuleType, device: CudaDevice, plan: bytes) -> None:
        self._device = device
        self._log = tensorrt.Logger(tensorrt.Logger.ERROR)
        self._runtime = tensorrt.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise BackendError(f"{tensorrt.__name__} {tensorrt.__version__} cannot load this engine")
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise BackendError(
                f"{tensorrt.__name__} cannot make room for this engine on {device.name}; free GPU memory"
            )
        self._memory = {name: DeviceMemory(device) for name in (FRAMES, *OUTPUTS)}

    def run(self, frame: Frames, wanted: list[str]) -> dict[str, NDArray[Any]]:
        """Return the wanted outputs of one frame, uint8 [1, H, W, 3]."""
        self._device.make_current()
        if not self._context.set_input_shape(FRAMES, frame.shape):
            raise BackendError(f"TensorRT refuses frames of {list(frame.shape)}")
        address = self._memory[FRAMES].at_least(frame.nbytes)
        self._context.set_tensor_address(FRAMES, address)
        self._device.upload(frame, address)
        outputs = {}
        for name, dtype in _DTYPES.items():
            shape = tuple(self._context.get_tensor_shape(name))
            self._context.set_tensor_address(name, self._memory[name].at_least(byte_size(shape, dtype)))
            if name in wanted:
                outputs[name] = np.empty(shape, dtype)
        if not self._context.execute_async_v3(self._device.stream):
            raise BackendError(f"TensorRT failed on frames of {list(frame.shape)}")
        for name, output in outputs.items():
            self._device.download(self._memory[name].at_least(0), output)
        self._device.synchronize()
        return outputs

    def close(self) -> None:
        """Free the engine before the memory that it works on."""
        self._device.make_current()
        del self._context, self._engine, self._runtime
        for memory in self._memory.values():
            memory.free()
