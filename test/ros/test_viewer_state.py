"""How a camera fares, in words."""

import pytest

from dfs_ros.viewer_state import Report, describe

ACTIVE = {"state": "active", "fog density": "0.02000"}


def words(report: Report | None, *, age: float | None = 0.1, now: float = 1.0) -> tuple[str, str]:
    return describe(report, now=now, frame_age_s=age, topic="/front/image_raw", node="/front/dehaze_node")


@pytest.mark.parametrize(
    ("report", "age", "state", "part"),
    [
        (None, None, "waiting", "Waiting for the dehaze node /front/dehaze_node"),
        (Report(0, "", {"state": "unconfigured"}, 1.0), None, "waiting", "is unconfigured"),
        (Report(0, "idle", ACTIVE, 1.0), None, "waiting", "Waiting for images on /front/image_raw."),
        (Report(1, "no image for 9 s", ACTIVE, 1.0), None, "waiting", "no image for 9 s"),
        (Report(0, "running", ACTIVE, 1.0), 0.1, "dehazing", "Dehazing."),
        (Report(0, "running", ACTIVE, 1.0, all_passed=True), 0.1, "clear", "No fog"),
        (Report(0, "disabled", ACTIVE | {"fog density": "nan"}, 1.0, all_passed=True), 0.1, "off", "turned off"),
        (Report(1, "3 frames refused", ACTIVE, 1.0), 0.1, "warning", "3 frames refused."),
        (Report(0, "running", ACTIVE, 1.0), 7.2, "stale", "no new frame for 7 s"),
        (Report(2, "not running: no model", {"state": "unconfigured"}, 1.0), None, "error", "not running: no model"),
        (Report(0, "running", ACTIVE, -9.0), 0.1, "error", "has not reported for 10 s"),
    ],
)
def test_what_matters_most_is_said(report: Report | None, age: float | None, state: str, part: str) -> None:
    found, said = words(report, age=age)
    assert found == state
    assert part in said


def follow(before: Report | None, passed: int, out: int) -> Report:
    values = {"passed as clear": str(passed), "frames out": str(out)}
    return Report.following(before, level=0, message="", values=values, came=0.0)


def test_a_count_that_is_none_counts_as_0() -> None:
    assert not Report.following(None, level=0, message="", values={"frames out": "²"}, came=0.0).all_passed


def test_frames_pass_when_all_of_the_newest_did() -> None:
    first = follow(None, 0, 10)
    assert not first.all_passed
    second = follow(first, 5, 15)
    assert second.all_passed
    assert follow(second, 5, 15).all_passed, "nothing new says nothing new"
    assert not follow(second, 6, 17).all_passed
