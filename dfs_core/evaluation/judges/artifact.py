"""The segmenter half of a DFS model as a judge: it looks at a picture as it is, because nothing is dehazed before."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dfs_core import artifact
from dfs_core.artifact import FRAMES, MASK, RESTORATION
from dfs_core.errors import ArtifactError
from dfs_core.evaluation import onnx_file
from dfs_core.evaluation.judges.judge import Image
from dfs_core.evaluation.judges.scores import Floats, ScoreJudge, Scores

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

_HARMLESS = frozenset({"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
_PROBE = (32, 64)


class ArtifactJudge(ScoreJudge):
    """Any DFS model, whose dehazer is left out by setting gain to 1 and offset to 0."""

    def __init__(self, path: Path, *, name: str | None = None, threads: int | None = None) -> None:
        """Cut it out of the graph.

        Args:
            path: the model file.
            name: what its rows call it; the model's name if not given.
            threads: processor threads; ONNX Runtime's own choice if not given.

        Raises:
            ArtifactError: it is not a DFS model, or its segmenter cannot be told from its dehazer.
            BackendError: ONNX Runtime cannot run it.
        """
        import onnx

        self._artifact = artifact.read(path)
        model = onnx.load(path)
        self._scores, self.are_logits = find_scores(model.graph, source=path)
        part = _cut(model, self._scores, source=path)
        self._planes = _channels(part.graph, RESTORATION)
        self._session = onnx_file.Session(part.SerializeToString(), source=path, threads=threads)
        self._check_blindness(path)
        self.labels = self._artifact.labels
        self.name = name or self._artifact.name
        self.key = f"artifact:{onnx_file.fingerprint(path)}"
        self.source = f"{path.name}, its segmenter alone"

    def scores(self, picture: Image) -> Scores:
        """Return what the network says of one picture, RGB uint8 [H, W, 3]."""
        return Scores(self._run(picture, gain=1.0, offset=0.0))

    def _run(self, picture: Image, *, gain: float, offset: float) -> Floats:
        size = self._artifact.network_size(*picture.shape[:2])
        restoration = np.full((1, self._planes, *size), offset, np.float32)
        restoration[:, 0] = gain
        (scores,) = self._session([self._scores], {FRAMES: picture[None], RESTORATION: restoration})
        return scores[0].astype(np.float32)

    def _check_blindness(self, path: Path) -> None:
        """Refuse a segmenter that sees frames past `restoration`: with a gain of 0, all of them are the same."""
        frames = [np.full((*_PROBE, 3), value, np.uint8) for value in (20, 230)]
        dark, bright = (self._run(frame, gain=0.0, offset=0.5) for frame in frames)
        if not np.array_equal(dark, bright):
            raise ArtifactError(
                f"{path}: its segmenter looks past '{RESTORATION}', so it cannot judge without its dehazer; "
                "export it again with `dfs export`, or judge with the segmenter's checkpoint"
            )


def find_scores(graph: "GraphProto", *, source: Path) -> tuple[str, bool]:
    """Return the tensor of class scores that `mask` is the highest of, and whether these are logits.

    If the scores were brought to the network's size just before, those from before that are meant: stretched twice,
    they would give another mask than stretched once. Negated scores are distances to colours, not logits.

    Raises:
        ArtifactError: there is none.
    """
    producers = {output: node for node in graph.node for output in node.output}
    node = producers.get(MASK)
    while node is not None and node.op_type in _HARMLESS:
        node = producers.get(node.input[0])
    if node is None or node.op_type != "ArgMax" or _attribute(node, "axis", 0) != 1:
        found = "nothing" if node is None else node.op_type
        raise ArtifactError(
            f"{source}: '{MASK}' is made by {found}, not by ArgMax over class scores [N, C, h, w], so it cannot judge; "
            "export it again with `dfs export`, or judge with the segmenter's checkpoint"
        )
    scores = node.input[0]
    above = producers.get(scores)
    if above is not None and _is_bilinear(above):
        scores = above.input[0]
        above = producers.get(scores)
    return scores, above is None or above.op_type != "Neg"


def _cut(model: "ModelProto", scores: str, *, source: Path) -> "ModelProto":
    """Return the part of a DFS model that leads from frames and restoration to scores.

    Raises:
        ArtifactError: there is no `restoration` in it.
    """
    import onnx.shape_inference
    import onnx.utils

    if not any(RESTORATION in node.output for node in model.graph.node):
        raise ArtifactError(
            f"{source}: has no tensor '{RESTORATION}', behind which its segmenter begins, so it cannot judge; "
            "export it again with `dfs export`, or judge with the segmenter's checkpoint"
        )
    whole = onnx.shape_inference.infer_shapes(model)
    return onnx.utils.Extractor(whole).extract_model([FRAMES, RESTORATION], [scores])


def _channels(graph: "GraphProto", name: str) -> int:
    """Return how many channels an input of a graph has, 4 if it does not say."""
    (dims,) = (value.type.tensor_type.shape.dim for value in graph.input if value.name == name)
    return dims[1].dim_value or 4


def _is_bilinear(node: "NodeProto") -> bool:
    mode = _attribute(node, "mode", b"nearest")
    centres = _attribute(node, "coordinate_transformation_mode", b"half_pixel")
    return (
        node.op_type == "Resize"
        and mode == b"linear"
        and centres in {b"half_pixel", b"pytorch_half_pixel"}
        and not _attribute(node, "antialias", 0)
    )


def _attribute(node: "NodeProto", name: str, default: Any) -> Any:
    from onnx import helper

    return next((helper.get_attribute_value(entry) for entry in node.attribute if entry.name == name), default)
