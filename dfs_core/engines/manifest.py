"""What stands beside an engine on disk: what it was built from and for, and what its bytes must be."""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from dfs_core.engines.key import EngineKey
from dfs_core.errors import EngineError

FORMAT = 1
"""Version of the file; another one is not read."""


@dataclass(frozen=True)
class Manifest:
    """The description of an engine that is kept.

    Attributes:
        key: what it was built from and for.
        engine_sha256: of the engine.
        engine_bytes: its size.
        model: name that the model file had, for people.
        built: when, in UTC, as ISO 8601 has it.
    """

    key: EngineKey
    engine_sha256: str
    engine_bytes: int
    model: str
    built: str

    @classmethod
    def of(cls, key: EngineKey, engine: bytes, model: str) -> "Manifest":
        """Return the description of an engine that was built now."""
        built = dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds")
        return cls(key, hashlib.sha256(engine).hexdigest(), len(engine), model, built)

    def describes(self, engine: bytes) -> bool:
        """Return whether these bytes are the engine."""
        return len(engine) == self.engine_bytes and hashlib.sha256(engine).hexdigest() == self.engine_sha256

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        words = {"model": self.model, "built": self.built}
        engine = {"engine_sha256": self.engine_sha256, "engine_bytes": self.engine_bytes}
        path.write_text(json.dumps({"format": FORMAT, **words, **engine, "key": self.key.to_json()}, indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Return what `write` wrote.

        Raises:
            EngineError: it is missing, damaged, or of another version.
        """
        try:
            found = json.loads(path.read_text())
            if found["format"] != FORMAT:
                raise EngineError(f"{path.name} has format {found['format']}, this version of DFS reads {FORMAT}")
            return cls(
                EngineKey.from_json(found["key"]),
                str(found["engine_sha256"]),
                int(found["engine_bytes"]),
                str(found["model"]),
                str(found["built"]),
            )
        except OSError as error:
            raise EngineError(f"{path.name} cannot be read ({error.strerror})") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EngineError(f"{path.name} is damaged ({type(error).__name__}: {error})") from error
