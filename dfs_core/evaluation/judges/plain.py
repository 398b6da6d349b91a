"""Segmentation networks of other projects, as plain ONNX files with a description beside them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dfs_core.errors import ArtifactError
from dfs_core.evaluation import onnx_file
from dfs_core.evaluation.judges.judge import Image
from dfs_core.evaluation.judges.scores import ScoreJudge, Scores
from dfs_core.evaluation.methods.plain import to_size
from dfs_core.labels import LABEL_SETS, LabelSet

if TYPE_CHECKING:
    from onnx import ModelProto

CONVENTION = "one float input [N, 3, H, W] and one float output of logits [N, C, h, w]"
"""What a plain file has to be; N is 1 or free, H and W are free or fixed."""

EXAMPLE = '{"label_set": "cityscapes-19", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}'
"""What may stand in the JSON file of its name, and "size": [height, width] beside it."""

_TOO_LARGE = 1e6
"""No mean or deviation of colours in [0, 1] comes near it; an integer of JSON may be too large to be a float."""
_KEYS = {"label_set", "mean", "std", "size"}


@dataclass(frozen=True)
class Description:
    """What the JSON file beside a plain segmentation network says of it.

    Attributes:
        labels: what its channels mean, in their order.
        mean: what is subtracted from R, G and B in [0, 1].
        std: what that is divided by.
        size: height and width that pictures are brought to; None: they stay as they are, or the graph says it.
    """

    labels: LabelSet
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: tuple[int, int] | None = None

    @classmethod
    def read(cls, path: Path) -> "Description":
        """Return what a file says.

        Raises:
            ArtifactError: there is none, a key is unknown or missing, or has a value of another kind.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ArtifactError(
                f"{path}: missing; it tells the classes and the normalisation of the network beside it: {EXAMPLE}"
            ) from error
        except (OSError, ValueError, RecursionError) as error:
            raise ArtifactError(f"{path}: cannot be read as JSON ({error}); write {EXAMPLE}") from error
        if not isinstance(values, dict) or values.keys() - _KEYS or not values.keys() >= _KEYS - {"size"}:
            found = ", ".join(values) if isinstance(values, dict) else type(values).__name__
            raise ArtifactError(
                f"{path}: has {found or 'nothing'}, but the keys are label_set, mean, std and, if wanted, size; "
                f"write {EXAMPLE}"
            )
        if not isinstance(values["label_set"], str) or values["label_set"] not in LABEL_SETS:
            raise ArtifactError(
                f"{path}: label_set must be one of {', '.join(LABEL_SETS)}, not {values['label_set']!r}"
            )
        mean = _triple(values["mean"], path=path, key="mean")
        std = _triple(values["std"], path=path, key="std")
        if min(std) <= 0.0:
            raise ArtifactError(f"{path}: std must be three numbers above 0, not {values['std']!r}")
        return cls(LABEL_SETS[values["label_set"]], mean, std, _size(values.get("size"), path=path))


class PlainJudge(ScoreJudge):
    """A segmentation network in a plain ONNX file; see `CONVENTION` and `Description`.

    Pictures larger than its size are shrunk as the runtime does it, smaller ones are enlarged bilinearly.
    """

    def __init__(self, path: Path, model: "ModelProto", *, name: str | None = None, threads: int | None = None) -> None:
        """Open it.

        Args:
            path: the file.
            model: what `onnx_file.read` made of it.
            name: what its rows call it; the file's name if not given.
            threads: processor threads; ONNX Runtime's own choice if not given.

        Raises:
            ArtifactError: it does not follow the convention, or its description is missing or does not fit.
            BackendError: ONNX Runtime cannot open it.
        """
        self._path, beside = path, path.with_suffix(".json")
        self._input, self._output, fixed = _ends(path, model)
        self._description = Description.read(beside)
        size = self._description.size
        if size and any(side not in {None, wanted} for side, wanted in zip(fixed, size, strict=True)):
            raise ArtifactError(
                f"{beside}: size {list(size)} (height, width), but {path.name} takes {list(fixed)} only; leave size out"
            )
        self._fixed = size or fixed
        self._session = onnx_file.Session(path, source=path, threads=threads)
        self.labels = self._description.labels
        self._check_channels((onnx_file.shape(model.graph.output[0]) or ())[1])
        self.name = name or path.stem
        self.key = f"plain:{onnx_file.fingerprint(*onnx_file.files(path, model), beside)}"
        self.source = path.name

    def scores(self, picture: Image) -> Scores:
        """Return what the network says of one picture, RGB uint8 [H, W, 3].

        Raises:
            ArtifactError: its answer has another number of channels than its label set has classes.
            BackendError: ONNX Runtime failed.
        """
        height, width = (side or own for side, own in zip(self._fixed, picture.shape[:2], strict=True))
        mean, std = (
            np.array(value, np.float32)[:, None, None] for value in (self._description.mean, self._description.std)
        )
        (scores,) = self._session([self._output], {self._input: (to_size(picture, height, width) - mean) / std})
        self._check_channels(scores.shape[1])
        return Scores(scores[0])

    def _check_channels(self, found: int | str | None) -> None:
        if isinstance(found, int) and found != len(self.labels):
            raise ArtifactError(
                f"{self._path}: tells {found} classes apart, but its label set '{self.labels.name}' has "
                f"{len(self.labels)}; name another one in {self._path.with_suffix('.json').name}"
            )


def _ends(path: Path, model: "ModelProto") -> tuple[str, str, tuple[int | None, ...]]:
    """Return the names of input and output, and the height and width that the graph fixes.

    Raises:
        ArtifactError: it does not follow the convention.
    """
    inputs, outputs = onnx_file.inputs(model.graph), list(model.graph.output)
    follows = onnx_file.takes_rgb(model.graph) and len(outputs) == 1 and onnx_file.is_float(outputs[0])
    if not follows or not onnx_file.fits(onnx_file.shape(outputs[0]), (1, None, None, None)):
        raise ArtifactError(
            f"{path}: takes {onnx_file.described(inputs)} and gives {onnx_file.described(outputs)}; a judge as ONNX is "
            f"either a DFS model, written by `dfs export`, or has {CONVENTION}, and a JSON file of its name beside it"
        )
    sides = onnx_file.shape(inputs[0]) or ()
    return inputs[0].name, outputs[0].name, tuple(side if isinstance(side, int) else None for side in sides[2:])


def _triple(value: Any, *, path: Path, key: str) -> tuple[float, float, float]:
    numbers = value if isinstance(value, list) else []
    if len(numbers) != 3 or not all(_is_number(number) for number in numbers):
        raise ArtifactError(f"{path}: {key} must be three numbers for R, G and B in [0, 1], not {value!r}")
    red, green, blue = map(float, numbers)
    return red, green, blue


def _size(value: Any, *, path: Path) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(type(side) is int and side >= 1 for side in value):
        raise ArtifactError(f"{path}: size must be [height, width] in pixels, not {value!r}")
    return value[0], value[1]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _TOO_LARGE
