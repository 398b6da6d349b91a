"""What the dehaze node says of itself in /diagnostics, as numbers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_ENDS = ("frames out", "superseded", "not wanted", "refused", "failed")
"""What can become of a frame that came in."""


@dataclass(frozen=True)
class Figures:
    """The values of the node's newest report, by their names."""

    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        """Whether the node listens to its camera."""
        return self.values.get("state") == "active"

    @property
    def in_flight(self) -> int:
        """How many frames came in of which nothing is known yet."""
        return self.count("frames in") - sum(self.count(name) for name in _ENDS)

    def count(self, name: str) -> int:
        """Return a count; 0 before the first report."""
        return int(self.values.get(name, "0"))

    def number(self, name: str) -> float | None:
        """Return a number with a fraction; None when there is none."""
        value = float(self.values.get(name, "nan"))
        return value if math.isfinite(value) else None

    def summary(self) -> dict[str, Any]:
        """Return what a demo's summary says of the node."""
        return {
            "frames_in": self.count("frames in"),
            "frames_out": self.count("frames out"),
            "superseded": self.count("superseded"),
            "passed_as_clear": self.count("passed as clear"),
            "refused": self.count("refused"),
            "failed": self.count("failed"),
            "latency_ms": {"p50": self.number("latency p50 ms"), "p95": self.number("latency p95 ms")},
            "steps_ms": {
                name.removesuffix(" p50 ms"): self.number(name)
                for name in self.values
                if name.endswith(" p50 ms") and name != "latency p50 ms"
            },
            "backend": self.values.get("backend", ""),
            "precision": self.values.get("precision", ""),
            "model": self.values.get("model", ""),
        }
