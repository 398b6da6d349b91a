"""A lock between processes that ends with its holder, whatever ends it, and leaves no file behind.

The kernel's `flock` does it all on the systems that DFS runs on, so that a vehicle needs no package for this.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock.

    Args:
        path: the file to lock by; it is there while the lock is held or waited for.
        on_wait: called when another holds it, before waiting.

    Raises:
        OSError: the file cannot be made there, or its file system knows no locks.
    """
    file = _acquire(path, on_wait)
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # while it is locked: who waits finds that it is gone, and begins anew


def _acquire(path: Path, on_wait: Callable[[], None]) -> IO[str]:
    while True:
        file = path.open("w")
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(file, fcntl.LOCK_EX)
            if _stands_at(file, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _stands_at(file: IO[str], path: Path) -> bool:
    """Return whether an open file is still the one of that name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
