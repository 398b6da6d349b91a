"""What methods and judges said of which pictures, kept so that nobody is asked twice."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import OutputError

Image = NDArray[np.uint8]

FORMAT = 1
"""Part of every key: a higher one makes all that was kept before unknown."""

APPLICATION = int.from_bytes(b"DFSe", "big")
"""SQLite's application_id of our files, by which they are known."""

_PATIENCE_S = 60.0
_TABLE = (
    "CREATE TABLE IF NOT EXISTS predictions (key TEXT PRIMARY KEY, figures TEXT NOT NULL, mask BLOB, painting BLOB)"
)


@dataclass(frozen=True)
class Prediction:
    """What is kept of one answer: small things; dehazed pictures are made again where they are wanted.

    Attributes:
        figures: numbers by name.
        mask: class ids, uint8 [h, w].
        painting: RGB, uint8 [h, w, 3].
    """

    figures: Mapping[str, float | None] = field(default_factory=dict)
    mask: Image | None = None
    painting: Image | None = None


class Predictions:
    """One SQLite file of predictions by key. Several processes may use it at once; deleting it costs only time."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the file.

        Args:
            path: the file; None keeps predictions in a temporary one, for as long as this object lives.

        Raises:
            OutputError: it cannot be opened, or is another kind of file, or another program's database; these are left
                as they are.
        """
        self._path = path
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect("" if path is None else path, timeout=_PATIENCE_S)
            self._claim()
        except OutputError:
            self._connection.close()
            raise
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from error

    def get(self, key: str) -> Prediction | None:
        """Return what is kept under a key.

        Raises:
            OutputError: the file is damaged.
        """
        try:
            found = self._connection.execute(
                "SELECT figures, mask, painting FROM predictions WHERE key = ?", (key,)
            ).fetchone()
        except sqlite3.Error as error:
            raise self._broken(error) from error
        if found is None:
            return None
        figures, mask, painting = found
        try:
            return Prediction(json.loads(figures), _decoded(mask), _decoded(painting))
        except ValueError as error:
            raise self._broken(error) from error

    def put(self, entries: Mapping[str, Prediction]) -> None:
        """Keep predictions: all of them, or none if that fails.

        Raises:
            OutputError: the file is damaged, or cannot grow.
        """
        rows = [
            (key, json.dumps(dict(entry.figures)), _encoded(entry.mask), _encoded(entry.painting))
            for key, entry in entries.items()
        ]
        try:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO predictions VALUES (?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _claim(self) -> None:
        """Mark a new file as ours, and make its table.

        Raises:
            OutputError: it is another program's.
            sqlite3.Error: it is no database, or cannot be written to.
        """
        self._refuse_foreign()
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._refuse_foreign()  # another process may have been faster
            self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
            self._connection.execute(_TABLE)

    def _refuse_foreign(self) -> None:
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        (tables,) = self._connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if application != APPLICATION and (application != 0 or tables > 0):
            raise OutputError(
                f"{self._path}: is a database of another program (application_id {application}, {tables} tables), and "
                "is left as it is; name another file with --cache, or give --no-cache"
            )

    def _broken(self, error: Exception) -> OutputError:
        return OutputError(
            f"{self._path}: cannot keep predictions there ({error}); delete the file, which costs nothing but time, "
            "name another with --cache, or give --no-cache"
        )


def key_of(*parts: str) -> str:
    """Return the key of what is known by all these parts together: `fingerprint`s of pictures, keys of those asked."""
    return hashlib.blake2b("\0".join((str(FORMAT), *parts)).encode(), digest_size=20).hexdigest()


def fingerprint(picture: Image) -> str:
    """Return a hash of a picture's shape and pixels."""
    digest = hashlib.blake2b(repr(picture.shape).encode(), digest_size=20)
    digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()


def _encoded(picture: Image | None) -> bytes | None:
    """Return a picture as PNG, whose channels come back in the order in which they went in."""
    if picture is None:
        return None
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _decoded(content: bytes | None) -> Image | None:
    """Return a picture from what `_encoded` made of it.

    Raises:
        ValueError: it is something else.
    """
    if content is None:
        return None
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    if picture is None:
        raise ValueError(f"{len(content)} bytes that are no picture")
    return picture
