"""A segmenter's checkpoint as a judge. It runs on ONNX Runtime, which is several times as fast as torch."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfs_core.artifact import FRAMES, LOW_RESOLUTION, Artifact
from dfs_core.evaluation import onnx_file
from dfs_core.evaluation.judges.judge import Image
from dfs_core.evaluation.judges.scores import ScoreJudge, Scores

if TYPE_CHECKING:
    from dfs_core.models.segmenter import Segmenter

_SCORES, _COLORS = "scores", "colors"


class CheckpointJudge(ScoreJudge):
    """The averaged weights of a training run. It looks at pictures of the width that its configuration names."""

    def __init__(self, path: Path, *, name: str | None = None, threads: int | None = None) -> None:
        """Read it; it is turned into ONNX, which takes seconds, when the first picture comes.

        Raises:
            CheckpointError: it is damaged, or one of another task.
        """
        from dfs_core.evaluation.segmentation import load_segmenter, network_width

        self._segmenter = load_segmenter(path)
        self._path, self._threads, self._width = path, threads, network_width(path)
        self._outputs = [_SCORES, _COLORS] if self._segmenter.in_colors else [_SCORES]
        self.are_logits = not self._segmenter.in_colors
        self.labels = self._segmenter.labels
        self.name = name or path.resolve().parent.name
        self.key = f"segmenter:{onnx_file.fingerprint(path)}"
        self.source = f"{path.name} of the run {path.resolve().parent.name}"

    def scores(self, picture: Image) -> Scores:
        """Return what the network says of one picture, RGB uint8 [H, W, 3]."""
        scores, *colors = self._session(self._outputs, {FRAMES: picture[None]})
        return Scores(scores[0], colors[0][0] if colors else None)

    @cached_property
    def _session(self) -> onnx_file.Session:
        model = _from_frames(self._segmenter, self._outputs, self._width)
        return onnx_file.Session(model, source=self._path, threads=self._threads)


def _from_frames(segmenter: "Segmenter", outputs: list[str], width: int) -> bytes:
    """Return an ONNX model from uint8 frames [N, H, W, 3] of any size to what a segmenter says of them."""
    import onnx.compose
    import torch
    from torch import nn

    from dfs_core.onnx_frame import before
    from dfs_core.onnx_trace import trace

    class Told(nn.Module):
        """Class scores first, and the colours that they were read from, where there are some."""

        def __init__(self) -> None:
            super().__init__()
            self.segmenter = segmenter

        def forward(self, low_resolution: torch.Tensor) -> Any:
            answer = self.segmenter(low_resolution)
            scores = self.segmenter.scores(answer)
            return (scores, answer) if self.segmenter.in_colors else scores

    core = trace(Told().eval(), outputs)
    core = onnx.compose.add_prefix(core, "network.", rename_inputs=False, rename_outputs=False)
    opset = next(entry.version for entry in core.opset_import if entry.domain in {"", "ai.onnx"})
    head = before(Artifact("judge", segmenter.labels, network_width=width), opset=opset, ir_version=core.ir_version)
    whole = onnx.compose.merge_models(head, core, io_map=[(LOW_RESOLUTION, LOW_RESOLUTION)], outputs=outputs)
    return bytes(whole.SerializeToString())
