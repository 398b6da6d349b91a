"""Open a model file with the best backend that this machine has."""

import gc
import importlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from dfs_core import artifact
from dfs_core.errors import BackendError, BuildEndedError, DfsError
from dfs_core.runtime.dehazer import Dehazer
from dfs_core.runtime.probes import missing_cuda_device, missing_packages, missing_tensorrt

WEIGHTS = Path(__file__).parents[1] / "weights"
"""Where the models are that come with this package."""

SHIPPED_MODEL = WEIGHTS / "dfs_fast.onnx"
"""The one that runs where none is named."""

PRECISIONS = ("fp32", "auto")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Backend:
    """Where a backend's class is, and a cheap question why it cannot be used here (None: it can)."""

    module: str
    dehazer: str
    probe: Callable[[], str | None]


_BACKENDS = {
    "tensorrt": _Backend("tensorrt", "TensorRtDehazer", lambda: missing_cuda_device() or missing_tensorrt()),
    "onnxruntime-cuda": _Backend(
        "onnxruntime",
        "OnnxRuntimeCudaDehazer",
        lambda: missing_cuda_device() or missing_packages("onnxruntime", extra="onnxruntime"),
    ),
    "openvino": _Backend("openvino", "OpenVinoDehazer", lambda: missing_packages("openvino", "numba", extra="cpu")),
    "onnxruntime": _Backend(
        "onnxruntime", "OnnxRuntimeDehazer", lambda: missing_packages("onnxruntime", extra="onnxruntime")
    ),
}

BACKENDS = tuple(_BACKENDS)
"""The names of the backends, the best first."""

_ON_GPU = ("tensorrt", "onnxruntime-cuda")


def load(
    path: str | PathLike[str] | None = None,
    backend: str = "auto",
    *,
    precision: str = "fp32",
    threads: int | None = None,
) -> Dehazer:
    """Return a model that is ready to run.

    Args:
        path: the model file, or the name of one that comes with this package; dfs_fast if not given.
        backend: one of `BACKENDS`, or "auto" for the first that works here; it is logged, with the reasons.
        precision: "fp32" computes in that format; "auto" in whatever the backend finds fastest on this machine. What
            a file holds in int8 is computed in int8 either way.
        threads: how many processor threads to use; as many as there are processors if not given.

    Raises:
        ArtifactError: the file is missing, damaged, or not a DFS model.
        BackendError: the backend is unknown or not usable here, or an option has no such value.
    """
    if backend != "auto" and backend not in _BACKENDS:
        raise BackendError(f"no backend is called '{backend}'; choose auto, {', '.join(BACKENDS)}")
    if precision not in PRECISIONS:
        raise BackendError(f"precision must be one of {', '.join(PRECISIONS)}, not '{precision}'")
    if threads is not None and threads < 1:
        raise BackendError(f"threads must be at least 1, not {threads}")
    model_path = SHIPPED_MODEL if path is None else model_file(path)
    with _no_collection():
        description = artifact.read(model_path)

    def start(name: str) -> Dehazer:
        return _start(name, model_path, description, precision=precision, threads=threads)

    if backend != "auto":
        return start(backend)
    dehazer = _start_first_usable(start)
    if dehazer.backend == "onnxruntime" and description.quantized_for == "tensorrt":
        _logger.warning(
            "%s was quantised for TensorRT; ONNX Runtime computes the same of it on a processor, but more slowly than "
            "of the file in fp32 that it was made from; give that one",
            model_path,
        )
    return dehazer


def model_file(named: str | PathLike[str]) -> Path:
    """Return the file of a model that comes with this package if that is what is named, such as "dfs_fast_int8".

    Anything else is taken for the path of a file; so is the name of one that is there.
    """
    path = Path(named)
    shipped = WEIGHTS / f"{path.name}.onnx"
    return shipped if path == Path(path.name) and not path.exists() and shipped.exists() else path


def unusable(backend: str) -> str | None:
    """Return why a backend cannot be used on this machine, or None when nothing speaks against it yet.

    Asks what is cheap to know: whether packages and a GPU are there.

    Raises:
        BackendError: there is no such backend.
    """
    if backend not in _BACKENDS:
        raise BackendError(f"no backend is called '{backend}'; choose {', '.join(BACKENDS)}")
    return _BACKENDS[backend].probe()


def _start_first_usable(start: Callable[[str], Dehazer]) -> Dehazer:
    refusals: dict[str, list[str]] = {}
    for name in BACKENDS:
        try:
            dehazer = start(name)
        except BuildEndedError:  # whoever ended it wants no other backend either
            raise
        except BackendError as error:
            reason = " ".join(str(error).removeprefix(f"backend {name}: ").split())
            refusals.setdefault(reason, []).append(name)
            continue
        why = f"not on {_told(refusals)}" if refusals else "the best there is"
        wasted = name not in _ON_GPU and missing_cuda_device() is None
        level = logging.WARNING if wasted else logging.INFO  # a GPU that idles is worth a look
        _logger.log(level, "running %s on %s in %s; %s", dehazer.artifact.name, name, dehazer.precision, why)
        return dehazer
    raise BackendError(f"no backend is usable on this machine: {_told(refusals)}. `dfs doctor` says what to do")


def _told(refusals: Mapping[str, Sequence[str]]) -> str:
    """Return reasons in one line, each once, behind the backends that have it."""
    return "; ".join(f"{' and '.join(names)}: {reason}" for reason, names in refusals.items())


def _start(name: str, path: Path, description: artifact.Artifact, *, precision: str, threads: int | None) -> Dehazer:
    backend = _BACKENDS[name]
    if (reason := backend.probe()) is not None:
        raise BackendError(f"backend {name}: {reason}")
    try:
        with _no_collection():
            module = importlib.import_module(f"dfs_core.runtime.{backend.module}")
    except ImportError as error:
        raise BackendError(
            f"backend {name}: its packages do not fit each other or this machine ({error}); install them again in an "
            "environment of their own"
        ) from error
    except RuntimeError as error:  # numba finds no folder for what it compiles
        raise BackendError(
            f"backend {name}: cannot be started ({error}); "
            "let the environment variable NUMBA_CACHE_DIR name a folder that can be written"
        ) from error
    dehazer: Callable[..., Dehazer] = getattr(module, backend.dehazer)
    try:
        return dehazer(path, description, precision=precision, threads=threads)
    except DfsError:
        raise
    except Exception as error:
        if name not in _ON_GPU:
            raise
        _logger.debug("backend %s", name, exc_info=True)
        told = f"{type(error).__name__}: {error}"  # of a vendor's package, which may raise anything
        raise BackendError(f"backend {name}: does not start ({told}); see `dfs doctor`") from error


@contextmanager
def _no_collection() -> Iterator[None]:
    """Collect no garbage, for imports: what they make stays, and to look through it is a tenth of a start."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
