"""A dehazer's checkpoint as a method."""

from pathlib import Path
from typing import TYPE_CHECKING

from dfs_core.evaluation import onnx_file
from dfs_core.evaluation.methods.method import Answer, Expense, Image, Method

if TYPE_CHECKING:
    from torch import nn


class CheckpointDehazer(Method):
    """The averaged weights of a training run, in torch.

    A generator that estimates fog looks at a frame of the width that its configuration names, as the runtime would; one
    that draws the dehazed picture itself looks at the whole frame.
    """

    def __init__(self, path: Path, *, name: str | None = None) -> None:
        """Read it; see `open_method`."""
        from dfs_core.evaluation.segmentation import load_generator, network_width

        self._generator: nn.Module = load_generator(path)
        self._width = network_width(path)
        self.name = name or path.resolve().parent.name
        self.key = f"dehazer:{onnx_file.fingerprint(path)}"
        self.source = f"{path.name} of the run {path.resolve().parent.name}"

    def __call__(self, frame: Image) -> Answer:
        """Dehaze one frame, RGB uint8 [H, W, 3]."""
        import torch

        from dfs_core.evaluation.segmentation import dehaze
        from dfs_core.models.pipeline import network_size

        with torch.inference_mode():
            return Answer(dehaze(self._generator, frame, network_size(*frame.shape[:2], network_width=self._width)))

    def expense(self, height: int, width: int) -> Expense:
        """Return what the generator costs at the size that it runs at."""
        from dfs_core.models.cost import cost
        from dfs_core.models.pipeline import network_size
        from dfs_core.models.translator import Translator

        if isinstance(self._generator, Translator):
            stride = self._generator.stride
            size = (height + -height % stride, width + -width % stride)
        else:
            size = network_size(height, width, network_width=self._width)
        return Expense(*cost(self._generator, (1, 3, *size)))
