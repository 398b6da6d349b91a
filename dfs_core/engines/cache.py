"""Engines on disk, each in a folder beside its manifest.

An engine runs only where it was built for: another GPU, another version of TensorRT, another file or other options have
another folder. A folder whose engine is not what its manifest says is built again.
"""

import logging
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from dfs_core.engines.key import EngineKey
from dfs_core.engines.lock import locked
from dfs_core.engines.manifest import Manifest
from dfs_core.engines.target import Gpu
from dfs_core.errors import EngineError, OutputError
from dfs_core.whole_output import whole_output

_ENGINE, _MANIFEST = "model.engine", "manifest.json"
_NAME_LENGTH = 32

_logger = logging.getLogger(__name__)


def default_folder() -> Path:
    """Return where engines are kept: below $XDG_CACHE_HOME, which is ~/.cache if not set.

    Raises:
        EngineError: there is neither that nor a home directory.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dfs" / "engines"
    except RuntimeError as error:
        raise EngineError(
            f"there is no folder to keep engines in ({error}); let the environment variable XDG_CACHE_HOME name one"
        ) from error


@dataclass(frozen=True)
class Entry:
    """A folder of the cache."""

    folder: Path

    @property
    def name(self) -> str:
        """Return its name, which follows from its key."""
        return self.folder.name

    def manifest(self) -> Manifest:
        """Return what it says of itself.

        Raises:
            EngineError: the manifest is missing or damaged, or is that of another engine.
        """
        manifest = Manifest.read(self.folder / _MANIFEST)
        if manifest.key.folder_name() != self.name:
            raise EngineError(f"{_MANIFEST} describes another engine than {self.name}")
        return manifest

    def read(self) -> bytes:
        """Return the engine.

        Raises:
            EngineError: it is missing, or not what its manifest says, or the manifest is not good.
        """
        manifest = self.manifest()
        try:
            engine = (self.folder / _ENGINE).read_bytes()
        except OSError as error:
            raise EngineError(f"{_ENGINE} cannot be read ({error.strerror})") from error
        if not manifest.describes(engine):
            raise EngineError(
                f"{_ENGINE} has {len(engine)} bytes that are not the {manifest.engine_bytes} of its {_MANIFEST}"
            )
        return engine

    def size(self) -> int:
        """Return how many bytes it takes."""
        return sum(path.stat().st_size for path in self.folder.iterdir())


class EngineCache:
    """The folder in which engines are kept."""

    def __init__(self, folder: Path | None = None) -> None:
        """Use a folder, `default_folder` if not given. It is made when the first engine is kept.

        Raises:
            EngineError: none is given, and there is no default.
        """
        self.folder = folder or default_folder()

    def entry(self, key: EngineKey) -> Entry:
        """Return where the engine of a key is, or would be."""
        return Entry(self.folder / key.folder_name())

    def entries(self) -> list[Entry]:
        """Return all that is kept, good or damaged, by name."""
        if not self.folder.is_dir():
            return []
        folders = (path for path in self.folder.iterdir() if path.is_dir() and len(path.name) == _NAME_LENGTH)
        return [Entry(path) for path in sorted(folders) if set(path.name) <= set("0123456789abcdef")]

    def find(self, wanted: EngineKey, gpu: Gpu) -> EngineKey | None:
        """Return the key of the engine built last that suits a GPU, whatever its sizes, or None."""
        found = filter(None, map(_manifest_if_good, self.entries()))
        suitable = [manifest for manifest in found if manifest.key.suits(wanted, gpu)]
        return max(suitable, key=lambda manifest: manifest.built).key if suitable else None

    def get(self, key: EngineKey, build: Callable[[], bytes], *, model: str, rebuild: bool = False) -> bytes:
        """Return the engine of a key, from disk when it is there and whole, else built now and kept.

        While one process builds an engine, others that want the same wait for it. In a folder that cannot be written,
        an engine that is there is used; where there is none, the log says that it cannot be kept, and it is built all
        the same.

        Args:
            key: what the engine is for.
            build: gives the engine; nothing stays of what it began if it fails.
            model: name of the model file, for people.
            rebuild: whether to build even when there is one.
        """
        entry = self.entry(key)
        with ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(_locked(entry))
            except OSError as error:
                if not rebuild and (kept := _read_if_good(entry)) is not None:
                    return kept
                _logger.warning("%s: engines cannot be kept there (%s); each start builds anew", self.folder, error)
                return build()
            engine = None if rebuild else _read_if_good(entry)
            if engine is None:
                engine = build()
                try:
                    _write(entry, Manifest.of(key, engine, model), engine)
                except (OSError, OutputError) as error:
                    _logger.warning("%s: not kept (%s); the next start builds it anew", entry.folder, error)
            return engine

    def remove(self, entry: Entry) -> None:
        """Remove an engine; one that is being built is waited for.

        Raises:
            EngineError: it cannot be removed.
        """
        try:
            with _locked(entry):
                shutil.rmtree(entry.folder)
        except OSError as error:
            raise EngineError(f"{entry.folder}: cannot be removed ({error.strerror})") from error


def _locked(entry: Entry) -> AbstractContextManager[None]:
    waiting = f"{entry.folder}: another process is at work on this engine; waiting for it"
    return locked(entry.folder.with_suffix(".lock"), lambda: _logger.warning(waiting))


def _manifest_if_good(entry: Entry) -> Manifest | None:
    try:
        return entry.manifest()
    except EngineError as error:
        _logger.info("%s: not used: %s", entry.folder, error)
        return None


def _read_if_good(entry: Entry) -> bytes | None:
    if not entry.folder.exists():
        return None
    try:
        return entry.read()
    except EngineError as error:
        _logger.warning("%s: %s; building this engine again", entry.folder, error)
        return None


def _write(entry: Entry, manifest: Manifest, engine: bytes) -> None:
    for left in entry.folder.parent.glob(f".{entry.name}.partial-*"):  # by a process that was killed: the lock is ours
        shutil.rmtree(left, ignore_errors=True)
    with whole_output(entry.folder, overwrite=True) as partial:
        partial.mkdir()
        (partial / _ENGINE).write_bytes(engine)
        manifest.write(partial / _MANIFEST)
