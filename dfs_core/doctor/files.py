"""The models that ship, and what is kept in cache folders."""

import os
from collections.abc import Iterator
from pathlib import Path

from dfs_core.doctor.finding import Finding, Mark, Probe, words_of
from dfs_core.errors import ArtifactError

MODELS, CACHE = "models", "cache"
_AGAIN = "pip install --force-reinstall --no-deps dfs_ros, or make the model again: make weights"


def probes() -> list[Probe]:
    """Return what is asked of files."""
    return [Probe(MODELS, "models", _models, _AGAIN), Probe(CACHE, "folders", _folders)]


def cache_home() -> Path:
    """Return the folder below which all that can be made again is kept: $XDG_CACHE_HOME/dfs, or ~/.cache/dfs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dfs"


def _models() -> Iterator[Finding]:
    from dfs_core.runtime.loading import SHIPPED_MODEL, WEIGHTS

    if not SHIPPED_MODEL.exists():
        yield Finding(MODELS, SHIPPED_MODEL.stem, Mark.BROKEN, f"{SHIPPED_MODEL}: not there", _AGAIN)
    for path in sorted(WEIGHTS.glob("*.onnx")):
        yield _model(path)


def _model(path: Path) -> Finding:
    from dfs_core import artifact

    try:
        description = artifact.read(path)
    except ArtifactError as error:
        return Finding(MODELS, path.stem, Mark.BROKEN, words_of(error), _AGAIN)
    purpose = f" for {description.quantized_for}" if description.quantized_for else ""
    words = f"{path.stat().st_size / 1e6:.2f} MB, {description.precision}{purpose}, {description.labels.name}"
    return Finding(MODELS, path.stem, Mark.FINE, f"{words}, whole")


def _folders() -> Iterator[Finding]:
    home = cache_home()
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        words = f"{home}: cannot be written, so each start makes anew what could be kept"
        yield Finding(CACHE, "folder", Mark.MISSING, words, "export XDG_CACHE_HOME=FOLDER, one that can be written")
        return
    yield Finding(CACHE, "folder", Mark.FINE, f"{home}{'' if home.exists() else ' (nothing is kept yet)'}")
    if home.exists():
        for folder in sorted(entry for entry in home.iterdir() if entry.is_dir()):
            size, count = _size(folder)
            yield Finding(CACHE, folder.name, Mark.FINE, f"{size / 1e6:.1f} MB in {count} files")


def _size(folder: Path) -> tuple[int, int]:
    """Return the bytes and the number of the files below a folder; what vanishes meanwhile does not count."""
    paths = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    sizes = [size for size in map(_bytes, paths) if size is not None]
    return sum(sizes), len(sizes)


def _bytes(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return None
