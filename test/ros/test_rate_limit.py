"""Frames let through at a rate."""

import pytest

from dfs_ros.rate_limit import RateLimit


class Camera:
    """Asks about frames at 30 Hz."""

    def __init__(self) -> None:
        self.now = 100.0
        self._limit = RateLimit(clock=lambda: self.now)

    def passes(self, seconds: float, *, limit_hz: float) -> int:
        """Return how many frames of some seconds pass."""
        passed = 0
        for _ in range(round(30.0 * seconds)):
            passed += self._limit(limit_hz)
            self.now += 1.0 / 30.0
        return passed


@pytest.mark.parametrize(
    ("limit_hz", "expected"), [(0.0, 300), (60.0, 300), (30.0, 300), (20.0, 200), (7.0, 70), (0.5, 5)]
)
def test_as_many_pass_as_are_allowed(limit_hz: float, expected: int) -> None:
    assert Camera().passes(10.0, limit_hz=limit_hz) == pytest.approx(expected, abs=1)


def test_after_a_pause_no_burst_passes() -> None:
    camera = Camera()
    camera.passes(1.0, limit_hz=10.0)
    camera.now += 60.0
    assert camera.passes(1.0, limit_hz=10.0) <= 12


def test_a_limit_that_is_raised_holds_at_once() -> None:
    camera = Camera()
    camera.passes(1.0, limit_hz=0.01)
    assert camera.passes(1.0, limit_hz=10.0) >= 9
