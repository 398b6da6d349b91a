"""Image-to-image networks of other projects, as plain ONNX files."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import ArtifactError, BackendError
from dfs_core.evaluation import onnx_cost, onnx_file
from dfs_core.evaluation.methods.method import Answer, Expense, Image, Method
from dfs_core.runtime.restoration import resize, shrink

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

CONVENTION = "one float input [N, 3, H, W], RGB in [0, 1], and one float output of the same shape, RGB in [0, 1]"
"""What a plain file has to be; N is 1 or free, H and W are free or fixed."""

_PICTURE = (1, 3, None, None)


class OnnxTranslator(Method):
    """A network that draws the dehazed picture itself; see `CONVENTION`.

    Where the file fixes height and width, a frame of another size is brought to it (reduced as the runtime shrinks
    frames, or enlarged bilinearly), and what is drawn is enlarged or reduced bilinearly again. Nothing is ever padded.
    """

    def __init__(self, path: Path, model: "ModelProto", *, name: str | None = None, threads: int | None = None) -> None:
        """Open it.

        Args:
            path: the file.
            model: what `onnx_file.read` made of it.
            name: of its row; the file's name if not given.
            threads: processor threads; ONNX Runtime's own choice if not given.

        Raises:
            ArtifactError: it does not follow the convention.
            BackendError: ONNX Runtime cannot open it.
        """
        taken, drawn = _ends(path, model)
        self._path, self._input, self._output = path, taken.name, drawn.name
        sides = onnx_file.shape(taken) or _PICTURE
        self._fixed = tuple(side if isinstance(side, int) else None for side in sides[2:])
        self._session = onnx_file.Session(path, source=path, threads=threads)
        self.name = name or path.stem
        self.key = f"translator:{onnx_file.fingerprint(*onnx_file.files(path, model))}"
        self.source = path.name
        if any(self._fixed):
            height, width = (str(side or "any") for side in self._fixed)
            self.source += f" (frames are resized to its {width}x{height} and back)"

    def __call__(self, frame: Image) -> Answer:
        """Dehaze one frame, RGB uint8 [H, W, 3].

        Raises:
            ArtifactError: it answers with another shape than it was given.
            BackendError: ONNX Runtime failed, or an answer is not a number.
        """
        size = frame.shape[:2]
        given = to_size(frame, *self._size(*size))
        (drawn,) = self._session([self._output], {self._input: given})
        if drawn.shape != given.shape:
            raise ArtifactError(
                f"{self._path}: given {list(given.shape)}, it answers with {list(drawn.shape)}; a plain ONNX file has "
                f"to have {CONVENTION}"
            )
        if not np.isfinite(drawn).all():
            raise BackendError(f"{self._path}: its answer holds values that are not finite; export it again in float32")
        picture = drawn if drawn.shape[2:] == size else resize(drawn, *size)
        return Answer(np.rint(np.clip(np.moveaxis(picture[0], 0, 2), 0.0, 1.0) * 255.0).astype(np.uint8))

    def expense(self, height: int, width: int) -> Expense:
        """Return what the graph costs at the size that it really runs at."""
        shape = (1, 3, *self._size(height, width))
        return onnx_cost.expense(self._path, {self._input: np.zeros(shape, np.float32)})

    def _size(self, height: int, width: int) -> tuple[int, int]:
        """Return the size that the network runs at for frames of a size."""
        return self._fixed[0] or height, self._fixed[1] or width


def to_size(frame: Image, height: int, width: int) -> NDArray[np.float32]:
    """Return a frame as networks take it, float32 [1, 3, height, width] in [0, 1].

    A frame of that size stays as it is; a larger one is shrunk as the runtime does it, without aliasing; a smaller
    one is enlarged bilinearly.
    """
    planes = np.ascontiguousarray(np.moveaxis(frame, 2, 0)[None])
    if frame.shape[:2] == (height, width):
        return planes.astype(np.float32) / np.float32(255.0)
    if frame.shape[0] >= height and frame.shape[1] >= width:
        return shrink(frame[None], height, width)
    return resize(planes.astype(np.float32), height, width) / np.float32(255.0)


def _ends(path: Path, model: "ModelProto") -> tuple["ValueInfoProto", "ValueInfoProto"]:
    """Return the input and the output of a graph that follows the convention.

    Raises:
        ArtifactError: it does not.
    """
    inputs, outputs = onnx_file.inputs(model.graph), list(model.graph.output)
    refused = ArtifactError(
        f"{path}: takes {onnx_file.described(inputs)} and gives {onnx_file.described(outputs)}; a dehazer as ONNX is "
        f"either a DFS model, written by `dfs export`, or has {CONVENTION}"
    )
    if not onnx_file.takes_rgb(model.graph) or len(outputs) != 1:
        raise refused
    if not onnx_file.is_float(outputs[0]) or not onnx_file.fits(onnx_file.shape(outputs[0]), _PICTURE):
        raise refused
    sides = [(onnx_file.shape(value) or ())[2:] for value in (inputs[0], outputs[0])]
    if any(
        isinstance(given, int) and isinstance(drawn, int) and given != drawn
        for given, drawn in zip(*sides, strict=True)
    ):
        raise refused
    return inputs[0], outputs[0]
