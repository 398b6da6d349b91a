"""Counts, rates and percentiles, and the report that is made of them."""

import math
import mmap
import re

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from diagnostic_msgs.msg import DiagnosticStatus

from dfs_core.errors import ConfigError
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.diagnostics import Condition, report
from dfs_ros.memory import resident_mb
from dfs_ros.model_statistics import ModelStatistics
from dfs_ros.statistics import STEPS, Statistics, Stopwatch


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that the test moves."""
    return Clock()


@pytest.fixture
def statistics(clock: Clock) -> Statistics:
    """Return statistics that begin now."""
    return Statistics(clock=clock)


def answer(statistics: Statistics, *, latency: float = 0.05, passed: bool = False, **seconds: float) -> None:
    stopwatch = Stopwatch()
    stopwatch.seconds.update(seconds)
    statistics.frame_went(stopwatch, latency=latency, passed=passed)


def test_frames_are_counted_by_what_became_of_them(statistics: Statistics) -> None:
    for superseded in (False, True, False):
        statistics.frame_came(superseded=superseded)
    answer(statistics, passed=True)
    statistics.frame_was_refused("step")
    statistics.frame_was_refused("step")
    statistics.frame_failed("BackendError")
    statistics.frame_was_not_wanted()
    statistics.frame_was_skipped()
    now = statistics.snapshot()
    assert now.counts == {"in": 4, "out": 1, "superseded": 1, "skipped": 1, "passed": 1, "idle": 1}
    assert (now.refused, now.failed) == ({"step": 2}, {"BackendError": 1})


def test_percentiles_are_those_of_the_nearest_rank(statistics: Statistics) -> None:
    for milliseconds in range(100, 0, -1):
        answer(statistics, latency=milliseconds / 1e3, model=0.007)
    now = statistics.snapshot()
    assert now.latency_p50_ms == pytest.approx(50.0)
    assert now.latency_p95_ms == pytest.approx(95.0)
    assert now.latency_max_ms == pytest.approx(100.0)
    assert now.latency_now_ms == pytest.approx(5.0), "the median of the last ten"
    assert now.step_p50_ms["model"] == pytest.approx(7.0)
    assert math.isnan(now.step_p50_ms["take"])
    assert set(now.step_p50_ms) == set(STEPS)


def test_rates_are_those_of_the_last_seconds(statistics: Statistics, clock: Clock) -> None:
    for _ in range(200):
        clock.now += 0.1
        statistics.frame_came(superseded=False)
    assert statistics.snapshot().rate_in == pytest.approx(10.0, rel=0.05)
    clock.now += 10.0
    assert statistics.snapshot().rate_in == 0.0
    assert statistics.snapshot().seconds_since_frame == pytest.approx(10.0)


def test_a_step_that_comes_twice_adds_up() -> None:
    stopwatch = Stopwatch()
    for _ in range(2):
        with stopwatch("publish"):
            sum(range(1000))
    assert stopwatch.seconds["publish"] > 0
    assert list(stopwatch.seconds) == ["publish"]


DEFAULTS = DehazeParameters()


def judge(statistics: Statistics, *, limits: DehazeParameters = DEFAULTS, **condition: object) -> tuple[bytes, str]:
    told = Condition(**{"state": "active", "is_wanted": True, **condition})
    status = report("/node", told, statistics.snapshot(), None, limits=limits)
    return status.level, status.message


def test_the_level_tells_what_matters_most(statistics: Statistics, clock: Clock) -> None:
    assert judge(statistics, failure="no such model") == (DiagnosticStatus.ERROR, "not running: no such model")
    assert judge(statistics, state="inactive")[0] == DiagnosticStatus.OK
    statistics.frame_came(superseded=False)
    assert judge(statistics)[1].startswith("running")
    assert judge(statistics, is_wanted=False) == (DiagnosticStatus.OK, "idle: nobody subscribes to an output")
    answer(statistics, latency=1e8)
    level, message = judge(statistics)
    assert level == DiagnosticStatus.WARN
    assert "use_sim_time" in message
    clock.now += 3.0
    level, message = judge(statistics, topic="/front/image_raw", publishers=0)
    assert level == DiagnosticStatus.WARN
    assert "/front/image_raw for 3 s; it has 0 publishers" in message
    statistics.frame_was_refused("step")
    assert judge(statistics, last_refusal="its step") == (
        DiagnosticStatus.WARN,
        "1 frames refused since the last report: its step",
    )
    statistics.frame_failed("BackendError")
    assert judge(statistics, last_error="it broke")[0] == DiagnosticStatus.ERROR


def test_only_what_is_new_since_the_last_report_raises_the_level(statistics: Statistics) -> None:
    statistics.frame_came(superseded=False)
    statistics.frame_was_refused("step")
    before = statistics.snapshot()
    status = report(
        "/node", Condition(state="active", is_wanted=True), statistics.snapshot(), before, limits=DehazeParameters()
    )
    assert status.level == DiagnosticStatus.OK
    assert {entry.key: entry.value for entry in status.values}["refused: step"] == "1"


def test_frames_that_come_while_none_is_answered_raise_the_level(statistics: Statistics) -> None:
    statistics.frame_came(superseded=False)
    answer(statistics)
    before = statistics.snapshot()
    for superseded in (False, True, True):
        statistics.frame_came(superseded=superseded)
    condition = Condition(state="active", is_wanted=True)
    status = report("/node", condition, statistics.snapshot(), before, limits=DEFAULTS)
    assert status.level == DiagnosticStatus.WARN
    assert status.message.startswith("3 frames came since the last report and none was answered")
    answer(statistics)
    assert report("/node", condition, statistics.snapshot(), before, limits=DEFAULTS).level == DiagnosticStatus.OK


def test_time_without_frames_counts_from_when_the_node_listens(statistics: Statistics, clock: Clock) -> None:
    clock.now += 300.0
    statistics.listening_began()
    assert judge(statistics)[0] == DiagnosticStatus.OK
    clock.now += 3.0
    assert "for 3 s" in judge(statistics)[1]


def test_figures_have_the_names_that_readers_expect(statistics: Statistics) -> None:
    status = report(
        "/node",
        Condition(state="active", attenuation=0.02, backend="openvino"),
        statistics.snapshot(),
        None,
        limits=DehazeParameters(),
    )
    figures = {entry.key: entry.value for entry in status.values}
    names = {"frames in", "frames out", "superseded", "rate in Hz", "rate out Hz", "latency p50 ms", "latency p95 ms"}
    assert names | {"model p50 ms", "fog density", "visibility m", "backend", "precision", "model"} <= set(figures)
    assert figures["visibility m"] == "150"  # -ln 0.05 / 0.02 = 149.8
    assert figures["backend"] == "openvino"
    assert figures["latency p50 ms"] == "nan"


@pytest.mark.parametrize(
    ("latency", "limits", "level", "words"),
    [
        (0.3, {}, DiagnosticStatus.OK, "running"),
        (0.3, {"warn_latency_ms": 200.0}, DiagnosticStatus.WARN, "300 ms .* above warn_latency_ms = 200"),
        (6.0, {}, DiagnosticStatus.ERROR, "6000 ms .* above error_latency_ms = 5000"),
        (6.0, {"warn_latency_ms": 0.0, "error_latency_ms": 0.0}, DiagnosticStatus.OK, "running"),
        (0.3, {"warn_rate_hz": 20.0}, DiagnosticStatus.WARN, "frames/s are answered .* below warn_rate_hz = 20"),
    ],
)
def test_limits_are_parameters(
    statistics: Statistics, clock: Clock, latency: float, limits: dict[str, float], level: bytes, words: str
) -> None:
    for _ in range(10):
        clock.now += 0.1
        statistics.frame_came(superseded=False)
        answer(statistics, latency=latency)
    found, message = judge(statistics, limits=DehazeParameters(**limits))
    assert found == level
    assert re.search(words, message)


def test_long_silence_is_stale(statistics: Statistics, clock: Clock) -> None:
    clock.now += 11.0
    assert judge(statistics, topic="/front/image_raw")[0] == DiagnosticStatus.STALE
    assert judge(statistics, limits=DehazeParameters(stale_silence_s=60.0))[0] == DiagnosticStatus.WARN


def test_limits_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="stale_silence_s must be at least warn_silence_s, not 1 with 2"):
        DehazeParameters(stale_silence_s=1.0)
    with pytest.raises(ConfigError, match="error_latency_ms must be at least warn_latency_ms, or 0, not 5 with 10"):
        DehazeParameters(warn_latency_ms=10.0, error_latency_ms=5.0)
    with pytest.raises(ConfigError, match="max_rate_hz must be at least warn_rate_hz, or 0, not 5 with 10"):
        DehazeParameters(max_rate_hz=5.0, warn_rate_hz=10.0)


def test_calls_of_the_model_are_counted_with_their_frames() -> None:
    statistics = ModelStatistics()
    assert math.isnan(statistics.snapshot().batch_mean)
    for frames, seconds in ((1, 0.01), (4, 0.03), (1, 0.02)):
        statistics.model_was_called(frames, seconds=seconds)
    now = statistics.snapshot()
    assert (now.calls, now.frames, now.batch_mean, now.batch_max) == (3, 6, 2.0, 4)
    statistics.round_is_over(seconds=0.05)
    assert statistics.snapshot().round_p50_ms == pytest.approx(50.0)
    assert (now.call_p50_ms, now.call_max_ms) == (pytest.approx(20.0), pytest.approx(30.0))


def test_memory_is_that_of_this_process() -> None:
    before = resident_mb()
    with mmap.mmap(-1, 50_000_000) as held:  # from the kernel, page by page: malloc may keep what Python frees
        for start in range(0, len(held), mmap.PAGESIZE):
            held[start] = 1
        assert resident_mb() - before == pytest.approx(len(held) / 1e6, abs=5.0)
