"""Files of a run, replaced only when the new one is whole, so that a full disk costs the newest at most."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dfs_core.errors import TrainingError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write; it becomes `path` when the block ends, and vanishes when it fails.

    Unlike `whole_output`, it always has the same hidden name, so that a run that is killed while it writes leaves
    nothing behind that the next start does not write over.

    Raises:
        TrainingError: the disk is full, or the folder cannot be written.
    """
    partial = path.with_name(f".{path.name}.part")
    with disk_errors(path):
        try:
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file at once; see `whole_file`."""
    with whole_file(path) as file:
        file.write(content)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say what to do when a file of a run cannot be written.

    Raises:
        TrainingError: in place of what the system said.
    """
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"{path}: could not be written ({error.strerror or error}); what was there before is as it was. Make room, "
            "then start the same command again: it goes on from last.ckpt"
        ) from error
