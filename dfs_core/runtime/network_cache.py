"""Compiled networks on disk, so that the next start reads them instead of compiling them again.

The name of a file is made of all that a network depends on: another model, another version of the compiler, another
processor or another option is another file. Its content begins with its own hash, so what is damaged is not used.
"""

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

_HASH_BYTES = 32
_KEPT = 16
"""Files that are kept, the latest used; each is as large as its model."""

_logger = logging.getLogger(__name__)


def default_folder() -> Path:
    """Return where networks are kept: below $XDG_CACHE_HOME, which is ~/.cache if not set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dfs" / "networks"


class NetworkCache:
    """The compiled networks of one model on one machine.

    A folder that cannot be written or read is said once in the log; then nothing is kept.
    """

    def __init__(self, facts: Mapping[str, str], folder: Path | None = None) -> None:
        """Touch no file yet.

        Args:
            facts: all that every network of this model depends on.
            folder: `default_folder` if not given.
        """
        self._facts = dict(facts)
        self._folder = folder
        self._usable = True

    def read(self, network: str) -> bytes | None:
        """Return what was kept of a network, or None when nothing was, or it is damaged.

        Args:
            network: what tells it from the other networks of the model.
        """
        if not self._usable:
            return None
        try:
            path = self._path(network)
            content = path.read_bytes()
            os.utime(path)  # the oldest go first
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError) as error:
            self._give_up(error)
            return None
        blob = content[_HASH_BYTES:]
        if hashlib.sha256(blob).digest() != content[:_HASH_BYTES]:
            _logger.info("%s: damaged, so this network is compiled again", path)
            return None
        return blob

    def write(self, network: str, blob: bytes) -> None:
        """Keep a network; another process never sees half of it."""
        if not self._usable:
            return
        try:
            path = self._path(network)
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".partial-", delete=False) as file:
                try:
                    file.write(hashlib.sha256(blob).digest() + blob)
                    file.close()
                    Path(file.name).replace(path)
                except OSError:
                    Path(file.name).unlink(missing_ok=True)
                    raise
            _forget_oldest(path.parent)
        except (OSError, RuntimeError) as error:
            self._give_up(error)

    def _path(self, network: str) -> Path:
        """Return the file of a network.

        Raises:
            RuntimeError: there is no home directory.
        """
        key = json.dumps([self._facts, network], sort_keys=True).encode()
        return (self._folder or default_folder()) / f"{hashlib.sha256(key).hexdigest()[:32]}.network"

    def _give_up(self, error: Exception) -> None:
        self._usable = False
        _logger.info("compiled networks cannot be kept (%s); each start compiles anew", error)


def _forget_oldest(folder: Path) -> None:
    ages = {path: path.stat().st_mtime for path in folder.glob("*.network")}
    for path in sorted(ages, key=ages.__getitem__, reverse=True)[_KEPT:]:
        path.unlink(missing_ok=True)
