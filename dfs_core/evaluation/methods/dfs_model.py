"""A DFS model as a method."""

from pathlib import Path

import numpy as np

from dfs_core.artifact import FRAMES
from dfs_core.evaluation import onnx_cost, onnx_file
from dfs_core.evaluation.methods.method import Answer, Expense, Image, Method
from dfs_core.runtime import load


class DfsModel(Method):
    """A DFS model, as a vehicle runs it: dehazed frame, mask and fog density, in fp32."""

    def __init__(self, path: Path, *, name: str | None = None, threads: int | None = None) -> None:
        """Load it with the best backend; see `open_method`."""
        self._path = path
        self._dehazer = load(path, threads=threads)
        backend, precision = self._dehazer.backend, self._dehazer.precision
        self.name = name or self._dehazer.artifact.name
        self.key = f"dfs:{onnx_file.fingerprint(path)}:{backend}:{precision}"
        self.labels = self._dehazer.artifact.labels
        self.source = f"{path.name} ({backend}, {precision})"

    def __call__(self, frame: Image) -> Answer:
        """Dehaze and label one frame, RGB uint8 [H, W, 3]; the mask has the network's size."""
        result = self._dehazer(frame[None])
        assert result.dehazed is not None  # noqa: S101 (for the type checker: both were asked for)
        assert result.mask is not None  # noqa: S101
        density = None if self._dehazer.artifact.draws else float(result.fog_density[0])
        return Answer(result.dehazed[0], result.mask[0], density)

    def expense(self, height: int, width: int) -> Expense:
        """Return what the whole graph costs, the segmenter that makes its mask included."""
        return onnx_cost.expense(self._path, {FRAMES: np.zeros((1, height, width, 3), np.uint8)})

    def close(self) -> None:
        """Free the model."""
        self._dehazer.close()
