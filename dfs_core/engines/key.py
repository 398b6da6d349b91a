"""All that an engine depends on, so that it is loaded for nothing else."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

from dfs_core.engines.model_file import ModelFile
from dfs_core.engines.profile import Profile
from dfs_core.engines.target import Gpu, Target


@dataclass(frozen=True)
class EngineKey:
    """All that an engine depends on.

    Attributes:
        model_sha256: of the model file.
        flavour: "tensorrt" or "tensorrt_rtx".
        version: of that package.
        target: what it runs on.
        precision: the number format of the file, which is the engine's.
        tf32: whether float32 may be computed with 10 bits of mantissa.
        profile: the frames that it takes.
    """

    model_sha256: str
    flavour: str
    version: str
    target: Target
    precision: str
    tf32: bool
    profile: Profile

    @classmethod
    def of(
        cls, model: ModelFile, tensorrt: ModuleType, target: Target, profile: Profile, *, tf32: bool = False
    ) -> "EngineKey":
        """Return the key of the engine that this package builds from a model file."""
        return cls(
            model.sha256, tensorrt.__name__, tensorrt.__version__, target, model.precision, tf32=tf32, profile=profile
        )

    def suits(self, other: "EngineKey", gpu: Gpu) -> bool:
        """Return whether its engine may stand in for that of another key on a GPU: sizes and target may differ."""
        return self.target.runs_on(gpu) and self._model_and_maker() == other._model_and_maker()

    def to_json(self) -> dict[str, Any]:
        """Return the key as JSON would give it back."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "EngineKey":
        """Return the key that `to_json` was asked for.

        Raises:
            KeyError, TypeError, ValueError, EngineError: it is not what `to_json` gives.
        """
        target = found["target"]
        kinds = tuple((int(major), int(minor)) for major, minor in target["compute_capabilities"])
        shapes = {name: (int(n), int(h), int(w)) for name, (n, h, w) in found["profile"].items()}
        words = {name: str(found[name]) for name in ("model_sha256", "flavour", "version", "precision")}
        return cls(
            **words, target=Target(str(target["gpu"]), kinds), tf32=bool(found["tf32"]), profile=Profile(**shapes)
        )

    def folder_name(self) -> str:
        """Return a name that no other key has."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:32]

    def _model_and_maker(self) -> tuple[object, ...]:
        return self.model_sha256, self.flavour, self.version, self.precision, self.tf32
