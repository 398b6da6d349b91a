"""Open any dehazer that a file holds: a DFS model, a checkpoint, another project's ONNX file."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dfs_core.artifact import FRAMES
from dfs_core.errors import ArtifactError
from dfs_core.evaluation import onnx_cost, onnx_file
from dfs_core.evaluation.method import Answer, Expense, Image, Method
from dfs_core.evaluation.onnx_translator import CONVENTION, OnnxTranslator
from dfs_core.runtime import load

if TYPE_CHECKING:
    from torch import nn


def open_method(path: Path, *, name: str | None = None, threads: int | None = None) -> Method:
    """Return the dehazer that a file holds.

    Args:
        path: a DFS model (`.onnx`), a dehazer's checkpoint (`.ckpt`), or a plain image-to-image network (`.onnx`; see
            `onnx_translator.CONVENTION`).
        name: of its row; if not given, what a DFS model is called, a checkpoint's run folder, a plain file's name.
        threads: processor threads that ONNX Runtime or OpenVINO may use; theirs to choose if not given.

    Raises:
        ArtifactError: it is none of these, or damaged.
        CheckpointError: the checkpoint is damaged, or one of another task.
        BackendError: nothing on this machine can run it.
    """
    if path.suffix == ".ckpt":
        return CheckpointDehazer(path, name=name)
    if path.suffix != ".onnx":
        raise ArtifactError(
            f"{path}: a method is a DFS model (.onnx), a dehazer's checkpoint (.ckpt), or an ONNX file that has "
            f"{CONVENTION}"
        )
    model = onnx_file.read(path)
    if onnx_file.is_dfs(model):
        return DfsModel(path, name=name, threads=threads)
    return OnnxTranslator(path, model, name=name, threads=threads)


class DfsModel(Method):
    """A DFS model, as a vehicle runs it: dehazed frame, mask and fog density, in fp32."""

    def __init__(self, path: Path, *, name: str | None = None, threads: int | None = None) -> None:
        """Load it with the best backend; see `open_method`."""
        self._path = path
        self._dehazer = load(path, threads=threads)
        backend, precision = self._dehazer.backend, self._dehazer.precision
        self.name = name or self._dehazer.artifact.name
        self.key = f"dfs:{onnx_file.fingerprint(path)}:{backend}:{precision}"
        self.source = f"{path.name} ({backend}, {precision})"

    def __call__(self, frame: Image) -> Answer:
        """Dehaze and label one frame, RGB uint8 [H, W, 3]; the mask has the network's size."""
        result = self._dehazer(frame[None])
        assert result.dehazed is not None  # noqa: S101 (for the type checker: both were asked for)
        assert result.mask is not None  # noqa: S101
        return Answer(result.dehazed[0], result.mask[0], float(result.fog_density[0]))

    def expense(self, height: int, width: int) -> Expense:
        """Return what the whole graph costs, the segmenter that makes its mask included."""
        return onnx_cost.expense(self._path, {FRAMES: np.zeros((1, height, width, 3), np.uint8)})

    def close(self) -> None:
        """Free the model."""
        self._dehazer.close()


class CheckpointDehazer(Method):
    """The averaged weights of a training run, in torch.

    A generator that estimates fog looks at a frame of the size that the runtime would use; one that draws the dehazed
    picture itself looks at the whole frame.
    """

    def __init__(self, path: Path, *, name: str | None = None) -> None:
        """Read it; see `open_method`."""
        from dfs_core.evaluation.segmentation import load_generator

        self._generator: nn.Module = load_generator(path)
        self.name = name or path.resolve().parent.name
        self.key = f"dehazer:{onnx_file.fingerprint(path)}"
        self.source = f"{path.name} of the run {path.resolve().parent.name}"

    def __call__(self, frame: Image) -> Answer:
        """Dehaze one frame, RGB uint8 [H, W, 3]."""
        import torch

        from dfs_core.evaluation.segmentation import dehaze

        with torch.inference_mode():
            return Answer(dehaze(self._generator, frame))

    def expense(self, height: int, width: int) -> Expense:
        """Return what the generator costs at the size that it runs at."""
        from dfs_core.models.cost import cost
        from dfs_core.models.pipeline import network_size
        from dfs_core.models.translator import Translator

        if isinstance(self._generator, Translator):
            stride = self._generator.stride
            size = (height + -height % stride, width + -width % stride)
        else:
            size = network_size(height, width)
        return Expense(*cost(self._generator, (1, 3, *size)))
