"""Open ONNX files of any origin: read them, tell them apart by content, run them on the processor."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfs_core.errors import ArtifactError, BackendError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

Shape = tuple[int | str | None, ...]
"""Sides of a tensor: numbers where the file fixes them, else names, or None."""

_DFS_KEY = "dfs.classes"
_ERRORS_ONLY = 3


def read(path: Path) -> "ModelProto":
    """Return the graph of an ONNX file without the weights that it keeps in other files.

    Raises:
        ArtifactError: there is no such file, or it is not ONNX.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be opened ({error.strerror}); give an ONNX file that exists") from error
    except DecodeError as error:
        raise ArtifactError(f"{path}: not an ONNX file, or a truncated one; copy or export it again") from error
    if not model.graph.node:
        raise ArtifactError(f"{path}: holds no graph, so this is not an ONNX model; export it again")
    return model


def is_dfs(model: "ModelProto") -> bool:
    """Return whether a graph says of itself that it is a DFS model."""
    return any(entry.key == _DFS_KEY for entry in model.metadata_props)


def fingerprint(*paths: Path) -> str:
    """Return the SHA-256 of files' bytes, one after the other, as 64 hexadecimal digits.

    Raises:
        ArtifactError: one of them cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for path in paths:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    except OSError as error:
        raise ArtifactError(f"{error.filename}: cannot be read ({error.strerror}); give a file that exists") from error
    return digest.hexdigest()


def files(path: Path, model: "ModelProto") -> list[Path]:
    """Return the file of a graph and those beside it in which it keeps weights."""
    from onnx import TensorProto

    beside = {
        entry.value
        for _, tensor in constants(model.graph)
        if tensor.data_location == TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return [path, *(path.parent / name for name in sorted(beside))]


def nodes(graph: "GraphProto") -> Iterator["NodeProto"]:
    """Yield every node of a graph, those in the branches of other nodes too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for branch in (attribute.g, *attribute.graphs):
                yield from nodes(branch)


def constants(graph: "GraphProto") -> Iterator[tuple[str, "TensorProto"]]:
    """Yield every constant of a graph and the name under which nodes use it, those in branches of nodes too."""
    yield from ((tensor.name, tensor) for tensor in graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield node.output[0], attribute.t
            for branch in (attribute.g, *attribute.graphs):
                yield from constants(branch)


def inputs(graph: "GraphProto") -> list["ValueInfoProto"]:
    """Return what a graph takes; older exporters list weights among it, which are left out."""
    initial = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in initial]


def is_float(value: "ValueInfoProto") -> bool:
    """Return whether an input or output is float32."""
    from onnx import TensorProto

    return bool(value.type.tensor_type.elem_type == TensorProto.FLOAT)


def shape(value: "ValueInfoProto") -> Shape | None:
    """Return the shape that a file declares of an input or output; None where it declares none."""
    declared = value.type.tensor_type
    if not declared.HasField("shape"):
        return None
    return tuple(
        side.dim_value if side.HasField("dim_value") else side.dim_param or None for side in declared.shape.dim
    )


def fits(found: Shape | None, wanted: Sequence[int | None]) -> bool:
    """Return whether a declared shape may be the wanted one; None in the latter is any number."""
    if found is None or len(found) != len(wanted):
        return False
    return all(
        want is None or not isinstance(side, int) or side == want for side, want in zip(found, wanted, strict=True)
    )


def takes_rgb(graph: "GraphProto") -> bool:
    """Return whether a graph takes float [N, 3, H, W] alone, of one picture or any number, and says so of the 3."""
    given = inputs(graph)
    if len(given) != 1 or not is_float(given[0]):
        return False
    found = shape(given[0])
    return fits(found, (1, 3, None, None)) and found is not None and found[1] == 3


def described(values: Sequence["ValueInfoProto"]) -> str:
    """Return words for inputs or outputs, such as "input float[N, 3, 256, 256]"."""
    from onnx import TensorProto

    def words(value: "ValueInfoProto") -> str:
        kind = TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
        sides = shape(value)
        return (
            f"{value.name} {kind}[{'…' if sides is None else ', '.join('?' if s is None else str(s) for s in sides)}]"
        )

    return " and ".join(map(words, values)) or "nothing"


class Session:
    """A graph on ONNX Runtime's CPU provider. Idle threads sleep, so that several of them share a machine."""

    def __init__(self, graph: "Path | bytes", *, source: Path, threads: int | None = None) -> None:
        """Open it.

        Args:
            graph: the file, or its bytes.
            source: the file's name, for messages.
            threads: processor threads; ONNX Runtime's own choice if not given.

        Raises:
            BackendError: ONNX Runtime is not installed, or cannot open the graph.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise BackendError(
                f"onnxruntime not installed ({error}); run `pip install 'dfs_ros[onnxruntime]'`"
            ) from error
        self._source = source
        self._shapes: dict[str, Any] = {}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _ERRORS_ONLY
        content = graph if isinstance(graph, bytes) else str(graph)
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise BackendError(f"{source}: ONNX Runtime cannot open it ({_first_line(error)})") from error

    def __call__(self, outputs: Sequence[str], given: dict[str, Any]) -> list[Any]:
        """Return outputs for inputs.

        Raises:
            BackendError: ONNX Runtime failed.
        """
        from onnxruntime import RunOptions

        options, shapes = RunOptions(), {name: value.shape for name, value in given.items()}
        if shapes != self._shapes:  # the room that every size needed would be kept, gigabytes of it
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._shapes = shapes
        try:
            return self._session.run(list(outputs), given, options)
        except Exception as error:
            sizes = ", ".join(f"{name} {list(value.shape)}" for name, value in given.items())
            raise BackendError(f"{self._source}: ONNX Runtime failed on {sizes} ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].strip() if lines else type(error).__name__
