"""TensorRT on an NVIDIA GPU: the model file as an engine that is built at the first start and then kept.

A GPU is looked for by the driver alone before TensorRT is started, which ends the process where there is none. Frames
are copied once into pinned memory and go to the device from there; a batch goes in one call, as far as the engine's
profile holds it. uint8 frames go over the bus, uint8 frames and masks come back, and one float of fog density a frame.
Device memory is owned by our own few calls of CUDA's driver: `cuda_driver` says why, and `engine_session` how little is
left to do for a frame.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from dfs_core.artifact import DEHAZED, FOG_DENSITY, MASK, Artifact
from dfs_core.engines.build import build
from dfs_core.engines.cache import EngineCache
from dfs_core.engines.flavour import import_tensorrt
from dfs_core.engines.key import EngineKey
from dfs_core.engines.model_file import read_model
from dfs_core.engines.profile import choose_profile
from dfs_core.engines.target import Gpu, choose_target
from dfs_core.errors import BackendError, BuildEndedError
from dfs_core.runtime.adjustment import Adjustment, check_adjustments
from dfs_core.runtime.cuda_driver import CudaDevice
from dfs_core.runtime.dehazer import Batch, Dehazer, Frames, Result, check_frames, check_out
from dfs_core.runtime.engine_session import DTYPES, EngineSession, Lane
from dfs_core.runtime.network_cache import NetworkCache

_REPORT_EVERY_S = 10.0
_KERNELS = "kernels"

_logger = logging.getLogger(__name__)


class TensorRtDehazer(Dehazer):
    """A model on an NVIDIA GPU. Results are the caller's to keep; once let go of, their memory is used again."""

    backend: ClassVar[str] = "tensorrt"

    def __init__(self, path: Path, artifact: Artifact, *, precision: str, threads: int | None) -> None:
        """Load the engine, built by `dfs build-engine` or at an earlier start, or build it; and run it once.

        Args:
            path: the model file.
            artifact: its description.
            precision: "fp32", or "auto" to allow TF32.
            threads: not used.

        Raises:
            BackendError: the file was quantised for processors, there is no GPU, or TensorRT cannot build or load the
                engine.
        """
        del threads
        super().__init__(artifact, precision=artifact.precision)
        self._model = read_model(path, artifact)
        self._device = CudaDevice()
        self._session: EngineSession | None = None
        try:
            self._tensorrt = import_tensorrt()
            self._cache = EngineCache()
            self._key = self._choose(tf32=precision == "auto")
            self._kernels = NetworkCache({"engine": self._key.folder_name(), "gpu": self._device.name})
            self._session = self._open()
            self._session.lane(self._key.profile.usual)  # CUDA loads kernels on first use
            self._keep_kernels(self._session)
        except BaseException:
            self.close()
            raise

    @property
    def engine(self) -> str:
        """The folder of the engine, as `dfs engines list` names it."""
        return self._key.folder_name()

    @property
    def usual_frames(self) -> tuple[int, int, int]:
        """The frames that the engine is fastest at."""
        return self._key.profile.usual

    def __call__(
        self,
        frames: Batch,
        *,
        dehaze: bool = True,
        segment: bool = True,
        adjustments: Sequence[Adjustment] = (),
        out: Sequence[Frames] = (),
    ) -> Result:
        """Run the model on RGB frames of one size; the result is the caller's to keep.

        Raises:
            FrameError: `frames` are not uint8, or not of one size, or the adjustments are not as many, or `out` does
                not fit.
            BackendError: the frames are larger or smaller than the engine takes, or TensorRT failed.
        """
        count, height, width = check_frames(frames)
        check_adjustments(adjustments, count)
        check_out(out, count, height, width)
        session = self._open_session()
        wanted = [*([DEHAZED] if dehaze else []), *([MASK] if segment else []), FOG_DENSITY]
        session.device.make_current()
        outputs: dict[str, NDArray[Any]] = {}
        for start, stop, lane in self._lanes(session, count, height, width):
            if not outputs:
                shapes = {name: (count, *lane.shapes[name][1:]) for name in wanted}
                outputs = {name: session.buffers.lend(shape, DTYPES[name]) for name, shape in shapes.items()}
            lane.run(frames[start:stop], {name: output[start:stop] for name, output in outputs.items()})
        dehazed = self._finished(frames, outputs[DEHAZED], adjustments, out) if dehaze else None
        return Result(dehazed, outputs.get(MASK), outputs[FOG_DENSITY])

    def time_network(self, batch: int, height: int, width: int) -> float:
        """Return how many seconds the network alone takes, without any copy, on what is on the device."""
        session = self._open_session()
        session.device.make_current()
        ((_, _, lane),) = self._lanes(session, batch, height, width)
        session.device.synchronize()
        start = time.perf_counter()
        lane.enqueue()
        session.device.synchronize()
        return time.perf_counter() - start

    def free_memory(self) -> int:
        """Return how many bytes on the GPU nobody uses, this process or another."""
        self._device.make_current()
        return self._device.free_memory()

    def close(self) -> None:
        """Free the engine and what it holds on the GPU; results that are still held stay whole."""
        if self._session is not None:
            self._device.make_current()
            session, self._session = self._session, None
            try:
                self._keep_kernels(session)
            finally:
                session.close()
        self._device.close()

    def _open_session(self) -> EngineSession:
        if self._session is None:
            raise BackendError(f"{self._model.path}: closed already")
        return self._session

    def _lanes(self, session: EngineSession, count: int, height: int, width: int) -> Iterator[tuple[int, int, Lane]]:
        """Yield what runs which of the frames: as few lots as the engine's profile allows."""
        profile = self._key.profile
        least, most = profile.smallest[0], profile.largest[0]
        if not profile.holds((most, height, width)):
            raise BackendError(
                f"the engine takes {profile}, not {width}x{height}; build another one with "
                f"`dfs build-engine {self._model.path} --size {width}x{height}`, or use another backend"
            )
        for start in range(0, count, most):
            stop = min(start + most, count)
            yield start, stop, session.lane((max(stop - start, least), height, width))

    def _choose(self, *, tf32: bool) -> EngineKey:
        """Return the key of the engine for this GPU: the one built last, whatever its sizes, or that of a new one."""
        gpu = Gpu(self._device.name, self._device.compute_capability)
        target, profile = (
            choose_target(self._tensorrt, gpu),
            choose_profile(self._model.sides, made_for=self._model.made_for),
        )
        wanted = EngineKey.of(self._model, self._tensorrt, target, profile, tf32=tf32)
        return self._cache.find(wanted, gpu) or wanted

    def _open(self) -> EngineSession:
        """Load the engine; one that does not load is built again, once.

        Raises:
            BackendError: it cannot be built, or does not load then either.
        """
        kernels = self._kernels.read(_KERNELS)
        try:
            return EngineSession(self._tensorrt, self._device, self._fetch(), kernels=kernels)
        except BuildEndedError:
            raise
        except BackendError as error:
            _logger.warning("%s: %s; building its engine again", self._model.path, error)
        return EngineSession(self._tensorrt, self._device, self._fetch(rebuild=True))

    def _keep_kernels(self, session: EngineSession) -> None:
        """Keep what TensorRT for RTX compiled so far, so that the next start need not."""
        kernels = session.kernels()
        if kernels is not None and kernels != self._kernels.read(_KERNELS):
            self._kernels.write(_KERNELS, kernels)

    def _fetch(self, *, rebuild: bool = False) -> bytes:
        return self._cache.get(self._key, self._build, model=self._model.path.name, rebuild=rebuild)

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
