"""How often a model was called, for how many frames, and how long that took."""

import threading
from collections import deque
from dataclasses import dataclass

from dfs_ros.statistics import WINDOW, percentile_ms


@dataclass(frozen=True)
class ModelSnapshot:
    """The statistics at one moment; nan where there is nothing to tell.

    Attributes:
        calls: since the node was configured.
        frames: in all calls.
        batch_mean, batch_max: frames a call, over the last calls.
        call_p50_ms, call_p95_ms, call_max_ms: milliseconds a call, over the last calls.
        round_p50_ms: milliseconds that the worker spends on all that waits, reading, calls and publishing together.
    """

    calls: int
    frames: int
    batch_mean: float
    batch_max: int
    call_p50_ms: float
    call_p95_ms: float
    call_max_ms: float
    round_p50_ms: float


class ModelStatistics:
    """Counts calls of a model; any thread may ask."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._lock = threading.Lock()
        self._calls = self._frames = 0
        self._batches: deque[int] = deque(maxlen=WINDOW)
        self._seconds: deque[float] = deque(maxlen=WINDOW)
        self._rounds: deque[float] = deque(maxlen=WINDOW)

    def model_was_called(self, frames: int, *, seconds: float) -> None:
        """Count one call that answered for some frames."""
        with self._lock:
            self._calls += 1
            self._frames += frames
            self._batches.append(frames)
            self._seconds.append(seconds)

    def round_is_over(self, *, seconds: float) -> None:
        """Count one round of reading what waits, calling the model, and publishing."""
        with self._lock:
            self._rounds.append(seconds)

    def snapshot(self) -> ModelSnapshot:
        """Return how things are now."""
        with self._lock:
            return ModelSnapshot(
                calls=self._calls,
                frames=self._frames,
                batch_mean=sum(self._batches) / len(self._batches) if self._batches else float("nan"),
                batch_max=max(self._batches, default=0),
                call_p50_ms=percentile_ms(self._seconds, 50),
                call_p95_ms=percentile_ms(self._seconds, 95),
                call_max_ms=percentile_ms(self._seconds, 100),
                round_p50_ms=percentile_ms(self._rounds, 50),
            )
