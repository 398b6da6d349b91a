"""ONNX Runtime on the CPU or on an NVIDIA GPU: the model file runs as it is, from frames to frames."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import onnxruntime as ort

from dfs_core.artifact import DEHAZED, FOG_DENSITY, FRAMES, MASK, Artifact
from dfs_core.errors import BackendError
from dfs_core.runtime.dehazer import Batch, Dehazer, Result, check_frames

_ERRORS_ONLY = 3


class OnnxRuntimeDehazer(Dehazer):
    """A model on the CPU."""

    backend: ClassVar[str] = "onnxruntime"
    _provider: ClassVar[str] = "CPUExecutionProvider"

    def __init__(self, path: Path, artifact: Artifact, *, precision: str, threads: int | None) -> None:
        """Open a session.

        Args:
            path: the model file.
            artifact: its description.
            precision: taken as "fp32" or "auto"; the format that the file holds is what runs either way.
            threads: processor threads; ONNX Runtime's own choice if not given.

        Raises:
            BackendError: ONNX Runtime cannot open the file, or does not get the device it was asked for.
        """
        del precision  # ONNX Runtime computes in the number format of the file
        super().__init__(artifact, precision=artifact.precision)
        self._path = path
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = ort.InferenceSession(str(path), options, providers=self._providers())
        except Exception as error:
            raise BackendError(f"{path}: ONNX Runtime cannot open it ({_words(error)})") from error
        if self._provider not in (found := self._session.get_providers()):
            raise BackendError(
                f"backend {self.backend}: ONNX Runtime fell back to {', '.join(found)} instead of {self._provider}; "
                "its CUDA and cuDNN libraries must be those that `pip install onnxruntime-gpu[cuda,cudnn]` brings"
            )

    def __call__(self, frames: Batch, *, dehaze: bool = True, segment: bool = True) -> Result:
        """Run the model on RGB frames of one size; the result is the caller's to keep.

        Raises:
            FrameError: `frames` are not uint8, or not of one size.
            BackendError: ONNX Runtime failed.
        """
        count, _, _ = check_frames(frames)
        array = np.ascontiguousarray(frames[0][None] if count == 1 else frames)
        wanted = [*([DEHAZED] if dehaze else []), *([MASK] if segment else []), FOG_DENSITY]
        try:
            outputs = self._session.run(wanted, {FRAMES: array})
        except Exception as error:
            raise BackendError(f"{self._path}: ONNX Runtime failed ({_words(error)})") from error
        values = dict(zip(wanted, outputs, strict=True))
        return Result(values.get(DEHAZED), values.get(MASK), values[FOG_DENSITY])

    def _providers(self) -> list[str]:
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
        super().__init__(path, artifact, precision=precision, threads=threads)

    def _providers(self) -> list[str]:
        return [self._provider, "CPUExecutionProvider"]


def _words(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].strip() if lines else type(error).__name__
