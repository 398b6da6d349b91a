"""Put a result in its place only when it is whole: write beside the target under another name, then move."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dfs_core.errors import OutputError


@contextmanager
def whole_output(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path to write a file or folder at; it becomes `target` when the block ends, and vanishes when it fails.

    The path has the target's own name and stands in a hidden folder beside it, so that the move stays on one file
    system. What stood at the target is removed only after the result is whole.

    Args:
        target: where the result shall be; missing parent folders are made.
        overwrite: whether an existing file or folder may be replaced.

    Raises:
        OutputError: the target exists and may not be replaced, or is a folder where a file was written; it cannot be
            written there; or the block wrote nothing.
    """
    target = target.absolute()
    check_target(target, overwrite=overwrite)
    room = _make_room(target)
    try:
        yield room / target.name
        check_target(target, overwrite=overwrite)  # it may have come into being meanwhile
        _move(room / target.name, target, aside=room / ".replaced")
    finally:
        shutil.rmtree(room, ignore_errors=True)


def require_place(target: Path) -> None:
    """Refuse a target that could not be written, before the work that is to be written there.

    Missing parent folders are made, and stay.

    Raises:
        OutputError: with the reason.
    """
    _make_room(target.absolute()).rmdir()


def _make_room(target: Path) -> Path:
    """Return a new folder beside a target, whose missing parents are made."""
    if target.name in {"", ".."}:
        raise OutputError(f"{target}: not a name for a result; name the file or folder itself")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror}); name another output") from error


def _move(result: Path, target: Path, *, aside: Path) -> None:
    """Put a result where it shall be; what it would replace is put back when that fails."""
    if not result.exists():
        raise OutputError(f"{target}: nothing was written for it, so it is as it was before")
    if target.is_dir() and not target.is_symlink() and not result.is_dir():
        raise OutputError(f"{target}: is a folder, which no file replaces; name a file, or remove the folder")
    try:
        if target.is_dir() and not target.is_symlink():
            target.rename(aside)  # a folder cannot be renamed onto another
        result.replace(target)
    except OSError as error:
        if aside.exists():
            aside.rename(target)
        raise OutputError(f"{target}: cannot be put there ({error.strerror}); name another output") from error


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that exists, unless it may be replaced.

    Raises:
        OutputError: with the target's name.
    """
    if not overwrite and (target.exists() or target.is_symlink()):
        raise OutputError(f"{target}: exists already; name another output, or give --overwrite to replace it")
