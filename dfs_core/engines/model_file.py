"""What an engine is built from: a model file as it is on disk now."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from dfs_core import artifact
from dfs_core.artifact import FRAMES, Artifact
from dfs_core.engines.messages import QUANTISE
from dfs_core.engines.profile import OPEN, Sides
from dfs_core.errors import ArtifactError, EngineError
from dfs_core.onnx_products import products_to_convolutions


@dataclass(frozen=True)
class ModelFile:
    """A model file that was read once, so that what is built is what was hashed.

    Attributes:
        path: where it was.
        content: all of it.
        precision: the number format that it computes in, which an engine keeps: "fp32", "fp16" or "int8".
        sides: (N, H, W) of its frames, None for each that it leaves open.
        made_for: the largest (N, H, W) that it says it was made for, None for each of which it says nothing.
    """

    path: Path
    content: bytes = field(repr=False)
    precision: str
    sides: Sides
    made_for: Sides = OPEN

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the content in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    def graph(self) -> bytes:
        """Return what a builder is given: the content, in which matrix products of older exports are convolutions."""
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

        try:
            model = onnx.load_from_string(self.content)
        except DecodeError:
            return self.content  # the builder says what is wrong with it
        products_to_convolutions(model.graph)
        return bytes(model.SerializeToString())


def read_model(path: Path, description: Artifact | None = None) -> ModelFile:
    """Return a model file that TensorRT can build from.

    Args:
        path: the file.
        description: what `artifact.read` says of it; read now if not given.

    Raises:
        ArtifactError: there is no such file, or it is not a DFS model.
        EngineError: it was quantised for processors.
    """
    import onnx

    description = description or artifact.read(path)
    if description.quantized_for not in {"", "tensorrt"}:
        raise EngineError(
            f"{path} was quantised for '{description.quantized_for}', in a way that TensorRT refuses; give the file "
            f"that it was made from, or one that {QUANTISE} makes of that"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be opened ({error.strerror}); give a model file that `dfs export` wrote"
        ) from error
    inputs = {value.name: value for value in onnx.load_from_string(content).graph.input}
    count, height, width, _ = (side.dim_value or None for side in inputs[FRAMES].type.tensor_type.shape.dim)
    made_for = (None, *(description.max_size or (None, None)))
    return ModelFile(path, content, description.precision, (count, height, width), made_for)
