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
        OutputError: the target exists and may not be replaced, it cannot be written there, or the block wrote nothing.
    """
    target = target.absolute()
    if target.name in {"", ".."}:
        raise OutputError(f"{target}: not a name for a result; name the file or folder itself")
    check_target(target, overwrite=overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror}); name another output") from error
    try:
        yield room / target.name
        check_target(target, overwrite=overwrite)  # it may have come into being meanwhile
        _move(room / target.name, target, aside=room / ".replaced")
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _move(result: Path, target: Path, *, aside: Path) -> None:
    """Put a result where it shall be; what it would replace is put back when that fails."""
    if not result.exists():
        raise OutputError(f"{target}: nothing was written for it, so it is as it was before")
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
