"""What a node has done so far: counts, rates, and how long each step took."""

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

STEPS = ("take", "hand over", "convert in", "model", "convert out", "publish")
"""What happens to a frame, in order. "hand over" includes the wait for a busy worker."""

WINDOW = 500
"""Medians and percentiles are over this many frames."""

FEW = 10
"""Frames that tell how things are now."""

RATE_SECONDS = 3.0


class Stopwatch:
    """Seconds that one frame spent in each step; a step that comes several times adds up."""

    def __init__(self) -> None:
        """Begin with no step."""
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time what happens inside the `with` block."""
        start = time.perf_counter_ns()
        yield
        self.seconds[step] += (time.perf_counter_ns() - start) / 1e9


@dataclass(frozen=True)
class Snapshot:
    """The statistics at one moment. Times are in milliseconds, and nan when there is nothing to tell.

    Attributes:
        counts: frames by what became of them.
        refused, failed: frames that were not answered, by reason.
        rate_in, rate_out: frames a second.
        latency_p50_ms, latency_p95_ms, latency_max_ms: from header stamp to publication.
        latency_now_ms: the median of the last few frames, which recovers sooner.
        queue_p95_ms: how long frames waited to be taken up.
        step_p50_ms: of each of `STEPS`.
        seconds_since_frame: since one came in, or since the node listens.
    """

    counts: Mapping[str, int]
    refused: Mapping[str, int]
    failed: Mapping[str, int]
    rate_in: float
    rate_out: float
    latency_p50_ms: float
    latency_p95_ms: float
    latency_max_ms: float
    latency_now_ms: float
    queue_p95_ms: float
    step_p50_ms: Mapping[str, float]
    seconds_since_frame: float


class Statistics:
    """Counts what happens to frames; any thread may call."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin at nothing; `clock` gives seconds."""
        self._lock = threading.Lock()
        self._clock = clock
        self._started = clock()
        self._counts: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._times: dict[str, deque[float]] = {"in": deque(), "out": deque()}
        self._latencies: deque[float] = deque(maxlen=WINDOW)
        self._steps: dict[str, deque[float]] = {step: deque(maxlen=WINDOW) for step in STEPS}
        self._last_frame = self._started

    def listening_began(self) -> None:
        """Forget how long there was no frame while nobody listened for one."""
        with self._lock:
            self._last_frame = self._clock()

    def frame_came(self, *, superseded: bool) -> None:
        """Count a frame that came in, and the one that it drove out, if it did."""
        with self._lock:
            self._last_frame = self._clock()
            self._counts["in"] += 1
            self._counts["superseded"] += superseded
            self._times["in"].append(self._last_frame)

    def frame_was_skipped(self) -> None:
        """Count a frame that came in and was let go, since more came than shall be taken up."""
        self.frame_came(superseded=False)
        with self._lock:
            self._counts["skipped"] += 1

    def frame_went(self, stopwatch: Stopwatch, *, latency: float, passed: bool) -> None:
        """Count a frame that was answered.

        Args:
            stopwatch: how long its steps took.
            latency: seconds from its header stamp to the publication of the answer.
            passed: whether the fog gate let it through as it was.
        """
        with self._lock:
            self._counts["out"] += 1
            self._counts["passed"] += passed
            self._times["out"].append(self._clock())
            self._latencies.append(latency)
            for step, seconds in stopwatch.seconds.items():
                self._steps[step].append(seconds)

    def frame_was_not_wanted(self) -> None:
        """Count a frame that nobody wanted to know about."""
        with self._lock:
            self._counts["idle"] += 1

    def frame_was_refused(self, reason: str) -> None:
        """Count a frame that could not be read."""
        with self._lock:
            self._refused[reason] += 1

    def frame_failed(self, error: str) -> None:
        """Count a frame that could be read, but not processed."""
        with self._lock:
            self._failed[error] += 1

    def snapshot(self) -> Snapshot:
        """Return how things are now."""
        with self._lock:
            now = self._clock()
            return Snapshot(
                counts={name: self._counts[name] for name in ("in", "out", "superseded", "skipped", "passed", "idle")},
                refused=dict(self._refused),
                failed=dict(self._failed),
                rate_in=self._rate("in", now),
                rate_out=self._rate("out", now),
                latency_p50_ms=percentile_ms(self._latencies, 50),
                latency_p95_ms=percentile_ms(self._latencies, 95),
                latency_max_ms=percentile_ms(self._latencies, 100),
                latency_now_ms=percentile_ms(list(self._latencies)[-FEW:], 50),
                queue_p95_ms=percentile_ms(self._steps["hand over"], 95),
                step_p50_ms={step: percentile_ms(seconds, 50) for step, seconds in self._steps.items()},
                seconds_since_frame=now - self._last_frame,
            )

    def _rate(self, name: str, now: float) -> float:
        """Return events per second over the last seconds."""
        times = self._times[name]
        while times and times[0] < now - RATE_SECONDS:
            times.popleft()
        return len(times) / max(min(RATE_SECONDS, now - self._started), 1e-3)


def percentile_ms(seconds: Sequence[float], percent: int) -> float:
    """Return the smallest value that is at least as large as that share of all, in milliseconds; nan of nothing."""
    if not seconds:
        return float("nan")
    ordered = sorted(seconds)
    return 1e3 * ordered[max(0, -(-percent * len(ordered) // 100) - 1)]
