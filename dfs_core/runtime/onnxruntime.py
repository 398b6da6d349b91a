"""ONNX Runtime on the CPU or on an NVIDIA GPU.

On a GPU the model file runs as it is, from frames to frames. On the CPU the networks alone run, and frames are shrunk
and restored by our own kernels, where numba is there to compile them and the file has the contract's cut points.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from dfs_core.artifact import DEHAZED, FOG_DENSITY, FRAMES, LOW_RESOLUTION, MASK, RESTORATION, SCORES, Artifact
from dfs_core.errors import BackendError
from dfs_core.onnx_cut import between_cut_points
from dfs_core.runtime.adjustment import Adjustment, adjust, check_adjustments
from dfs_core.runtime.channel_order import room_like, without_gaps
from dfs_core.runtime.dehazer import Batch, Dehazer, Frames, Result, check_frames, check_out
from dfs_core.runtime.probes import missing_packages
from dfs_core.runtime.row_pool import usable_processors

if TYPE_CHECKING:
    from dfs_core.runtime.frame_kernels import FrameKernels

_ERRORS_ONLY = 3

_logger = logging.getLogger(__name__)


class OnnxRuntimeDehazer(Dehazer):
    """A model on the CPU."""

    backend: ClassVar[str] = "onnxruntime"
    _provider: ClassVar[str] = "CPUExecutionProvider"

    def __init__(
        self, path: Path, artifact: Artifact, *, precision: str, threads: int | None, whole: bool = False
    ) -> None:
        """Open a session.

        Args:
            path: the model file.
            artifact: its description.
            precision: "fp32", or "auto" to allow TF32 on a GPU; the format of the file is what runs either way.
            threads: processor threads; ONNX Runtime's own choice if not given.
            whole: run the file as it is, even where its networks could run alone.

        Raises:
            BackendError: ONNX Runtime cannot open the file, or does not get the device it was asked for.
        """
        super().__init__(artifact, precision=artifact.precision)
        self._path = path
        self._tf32 = precision == "auto"
        self.kernels: FrameKernels | None = None
        self._mask_name = MASK
        self._sides: tuple[int | None, ...] = ()
        graph = None if whole else self._networks(threads or usable_processors())
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = ort.InferenceSession(graph or str(path), options, providers=self._providers())
        except Exception as error:
            raise BackendError(f"{path}: ONNX Runtime cannot open it ({_words(error)})") from error
        if self._provider not in (found := self._session.get_providers()):
            raise BackendError(
                f"backend {self.backend}: ONNX Runtime fell back to {', '.join(found)} instead of {self._provider}; "
                "its CUDA and cuDNN libraries must be those that `pip install onnxruntime-gpu[cuda,cudnn]` brings"
            )

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
            BackendError: the file was exported for other frames alone, or ONNX Runtime failed.
        """
        sides = check_frames(frames)
        check_adjustments(adjustments, sides[0])
        check_out(out, *sides)
        others = [*([self._mask_name] if segment else []), FOG_DENSITY]
        if self.kernels is None:
            array = np.ascontiguousarray(frames[0][None] if sides[0] == 1 else frames)
            outputs = self._run(FRAMES, array, [*([DEHAZED] if dehaze else []), *others])
            dehazed = self._finished(frames, outputs[DEHAZED], adjustments, out) if dehaze else None
            return Result(dehazed, outputs.get(MASK), outputs[FOG_DENSITY])
        self._refuse_other(sides)
        apart = [without_gaps(frame) for frame in frames]
        low_resolution = np.empty((sides[0], 3, *self.artifact.network_size(*sides[1:])), np.float32)
        self.kernels.shrink(apart, low_resolution)
        outputs = self._run(LOW_RESOLUTION, low_resolution, [*([RESTORATION] if dehaze else []), *others])
        dehazed = room_like(apart[0], len(apart)) if dehaze and not out else None
        if dehaze:
            targets: Batch = out if dehazed is None else dehazed
            self.kernels.restore(apart, adjust(outputs[RESTORATION], adjustments), targets)
        if SCORES in outputs:
            outputs[MASK] = self.kernels.label(outputs[SCORES], *low_resolution.shape[2:])
        return Result(dehazed, outputs.get(MASK), outputs[FOG_DENSITY])

    @property
    def usual_frames(self) -> tuple[int, int, int]:
        """Frames that the file takes: its own sides, where it fixes them."""
        sides = self._sides or self._session.get_inputs()[0].shape[:3]  # names, or None, for what is open
        count, height, width = (
            side if isinstance(side, int) else usual for side, usual in zip(sides, super().usual_frames, strict=True)
        )
        return count, height, width

    @property
    def steadies(self) -> bool:
        """Whether `Adjustment.steady` is heard: only where our own kernels restore the frames."""
        return self.kernels is not None

    def close(self) -> None:
        """End the threads of the kernels."""
        if self.kernels is not None:
            self.kernels.close()

    def _networks(self, threads: int) -> bytes | None:
        """Return the networks as a file, and make the kernels; None where there is either not."""
        if self.artifact.draws:
            return None
        if (missing := missing_packages("numba", extra="cpu")) is not None:
            _logger.info("%s: the whole graph runs, which is slower: %s", self._path, missing)
            return None
        try:
            from dfs_core.runtime.frame_kernels import FrameKernels
        except (ImportError, RuntimeError) as error:  # numba does not fit, or finds no folder for what it compiles
            _logger.info(
                "%s: the whole graph runs, which is slower: numba cannot be used (%s)", self._path, _words(error)
            )
            return None
        import onnx

        model = onnx.load(self._path)
        networks = between_cut_points(model)
        if networks is None:
            _logger.warning(
                "%s: cannot be cut at float32 tensors '%s' and '%s', so the whole graph runs, which is slower; "
                "export it again with `dfs export`",
                self._path,
                LOW_RESOLUTION,
                RESTORATION,
            )
            return None
        (taken,) = (value.type.tensor_type for value in model.graph.input if value.name == FRAMES)
        self._sides = tuple(side.dim_value or None for side in taken.shape.dim)[:3]
        self.kernels = FrameKernels(threads)
        if any(output.name == SCORES for output in networks.graph.output):
            self._mask_name = SCORES
        return bytes(networks.SerializeToString())

    def _refuse_other(self, sides: tuple[int, int, int]) -> None:
        """Refuse frames that the whole file would not take."""
        if any(wanted not in {None, found} for wanted, found in zip(self._sides, sides, strict=True)):
            told = " x ".join("any" if side is None else str(side) for side in self._sides)
            raise BackendError(
                f"{self._path}: frames of invalid dimensions {' x '.join(map(str, sides))}; it was exported for {told} "
                "(frames x height x width)"
            )

    def _run(self, name: str, value: NDArray[Any], wanted: list[str]) -> dict[str, NDArray[Any]]:
        """Return the outputs that are wanted, by name."""
        try:
            outputs = self._session.run(wanted, {name: value})
        except Exception as error:
            raise BackendError(f"{self._path}: ONNX Runtime failed ({_words(error)})") from error
        return dict(zip(wanted, outputs, strict=True))

    def _providers(self) -> list[str | tuple[str, dict[str, str]]]:
        return [self._provider]


class OnnxRuntimeCudaDehazer(OnnxRuntimeDehazer):
    """A model on an NVIDIA GPU."""

    backend: ClassVar[str] = "onnxruntime-cuda"
    _provider: ClassVar[str] = "CUDAExecutionProvider"

    def __init__(self, path: Path, artifact: Artifact, *, precision: str, threads: int | None) -> None:
        """Open a session on the first GPU.

        Raises:
            BackendError: this ONNX Runtime was built without CUDA, or cannot load its libraries.
        """
        if self._provider not in (available := ort.get_available_providers()):
            raise BackendError(
                f"backend {self.backend}: this ONNX Runtime only has {', '.join(available)}; "
                "run `pip install onnxruntime-gpu` in place of onnxruntime"
            )
        super().__init__(path, artifact, precision=precision, threads=threads, whole=True)

    def _providers(self) -> list[str | tuple[str, dict[str, str]]]:
        return [(self._provider, {"use_tf32": str(int(self._tf32))}), "CPUExecutionProvider"]


def _words(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].strip() if lines else type(error).__name__
