"""Engines on disk, each in a folder beside the description of what it was built from and for.

An engine runs only where it was built for: another GPU, another version of TensorRT, another file or other options have
another folder. A folder whose engine is not what its description says is built again.
"""

import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from dfs_core.engine import Profile
from dfs_core.errors import OutputError
from dfs_core.whole_output import whole_output

_ENGINE, _MANIFEST = "model.engine", "manifest.json"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineKey:
    """All that an engine depends on.

    Attributes:
        model_sha256: of the model file.
        flavour: "tensorrt" or "tensorrt_rtx".
        version: of that package.
        gpu: name of the GPU.
        compute_capability: of the GPU, such as (8, 6).
        precision: "fp32", or "auto" where TF32 is allowed.
        profile: the frames that it takes.
    """

    model_sha256: str
    flavour: str
    version: str
    gpu: str
    compute_capability: tuple[int, int]
    precision: str
    profile: Profile

    def manifest(self) -> dict[str, object]:
        """Return the key as JSON would give it back."""
        found: dict[str, object] = json.loads(json.dumps(asdict(self)))
        return found

    def folder_name(self) -> str:
        """Return a name that no other key has."""
        return hashlib.sha256(json.dumps(self.manifest(), sort_keys=True).encode()).hexdigest()[:32]


def default_folder() -> Path:
    """Return where engines are kept: below $XDG_CACHE_HOME, which is ~/.cache if not set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dfs" / "engines"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def cached(key: EngineKey, build: Callable[[], bytes], *, folder: Path | None = None, rebuild: bool = False) -> bytes:
    """Return the engine of a key, from disk when it is there, else built now and kept.

    While one process builds an engine, others that want the same wait for it.

    Args:
        key: what the engine is for.
        build: gives the engine.
        folder: where engines are kept; `default_folder` if not given. One that cannot be written is reported in the
            log, and the engine is not kept.
        rebuild: whether to build even when there is one, because it did not run.
    """
    entry = (folder or default_folder()) / key.folder_name()
    with ExitStack() as stack:
        try:
            entry.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked(entry.with_suffix(".lock")))
        except OSError as error:
            _logger.warning("%s: engines cannot be kept there (%s); each start builds anew", entry.parent, error)
            return build()
        engine = None if rebuild else _read(entry, key)
        if engine is None:
            engine = build()
            try:
                _write(entry, key, engine)
            except (OSError, OutputError) as error:
                _logger.warning("%s: this engine could not be kept (%s); the next start builds it anew", entry, error)
        return engine


def _read(entry: Path, key: EngineKey) -> bytes | None:
    """Return an engine when it is there and is what its description says."""
    if not entry.exists():
        return None
    try:
        manifest = json.loads((entry / _MANIFEST).read_text())
        engine = (entry / _ENGINE).read_bytes()
    except (OSError, ValueError) as error:
        _logger.warning("%s: damaged (%s); building this engine again", entry, error)
        return None
    if manifest != {**key.manifest(), "engine_sha256": hashlib.sha256(engine).hexdigest()}:
        _logger.warning("%s: not what its %s says; building this engine again", entry, _MANIFEST)
        return None
    return engine


def _write(entry: Path, key: EngineKey, engine: bytes) -> None:
    with whole_output(entry, overwrite=True) as partial:
        partial.mkdir()
        (partial / _ENGINE).write_bytes(engine)
        manifest = {**key.manifest(), "engine_sha256": hashlib.sha256(engine).hexdigest()}
        (partial / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, whatever ends it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
