"""How a camera and its dehaze node fare, in one word and one sentence for whoever looks at the page."""

from collections.abc import Mapping
from dataclasses import dataclass, field

WAITING, CLEAR, OFF, DEHAZING = "waiting", "clear", "off", "dehazing"
WARNING, STALE, ERROR = "warning", "stale", "error"

STALE_S = 2.0
"""A picture older than this is not live."""

SILENT_S = 4.0
"""The node reports every second; one that is silent for so long is gone."""

ACTIVE = "active"
_LEVEL_WARN, _LEVEL_ERROR = 1, 2


@dataclass(frozen=True)
class Report:
    """What a dehaze node last said of a camera.

    Attributes:
        level: of diagnostic_msgs/DiagnosticStatus: 0 well, 1 warning, 2 error, 3 stale.
        message: one sentence.
        values: figures by name, as text.
        came: `time.monotonic` when it came.
        all_passed: whether every frame answered since the report before passed as it was.
    """

    level: int
    message: str
    values: Mapping[str, str] = field(default_factory=dict)
    came: float = 0.0
    all_passed: bool = False

    @classmethod
    def following(
        cls, before: "Report | None", *, level: int, message: str, values: Mapping[str, str], came: float
    ) -> "Report":
        """Return a report that knows of the one before it."""
        then = before.values if before is not None else {}
        passed, out = (_count(values, name) - _count(then, name) for name in ("passed as clear", "frames out"))
        if out == 0:
            return cls(level, message, values, came, all_passed=before is not None and before.all_passed)
        return cls(level, message, values, came, all_passed=passed == out > 0)


def describe(report: Report | None, *, now: float, frame_age_s: float | None, topic: str, node: str) -> tuple[str, str]:
    """Return a word and a sentence.

    Args:
        report: the node's newest; None before the first.
        now: `time.monotonic`.
        frame_age_s: seconds since the newest frame was complete; None before the first.
        topic: where the camera's images are expected.
        node: below which name the node's answers are expected.
    """
    trouble = _trouble_of_node(report, now=now, node=node)
    if trouble is not None or report is None:
        return trouble or (WAITING, f"Waiting for the dehaze node {node}: it has not reported yet.")
    complaint = f" {report.message}." if report.level == _LEVEL_WARN else ""
    if frame_age_s is None:
        return WAITING, f"Waiting for images on {topic}.{complaint}"
    if frame_age_s > STALE_S:
        return STALE, f"Stale: no new frame for {frame_age_s:.0f} s.{complaint}"
    return (WARNING, complaint.strip()) if complaint else _flow(report)


def _flow(report: Report) -> tuple[str, str]:
    """Say what happens to the frames of a node that does its work."""
    if not report.all_passed:
        return DEHAZING, "Dehazing."
    if report.values.get("fog density") == "nan":  # the model was not asked
        return OFF, "Dehazing is turned off: frames pass as they came."
    return CLEAR, "No fog: frames pass as they came."


def _trouble_of_node(report: Report | None, *, now: float, node: str) -> tuple[str, str] | None:
    """Return what keeps the node from answering, None if nothing does."""
    if report is None:
        return None
    if now - report.came > SILENT_S:
        return ERROR, f"The dehaze node {node} has not reported for {now - report.came:.0f} s: it has ended or hangs."
    if report.level == _LEVEL_ERROR:
        return ERROR, f"The dehaze node reports an error: {report.message}"
    if (state := report.values.get("state", ACTIVE)) != ACTIVE:
        return WAITING, f"The dehaze node is {state}: it loads its model, or waits for a lifecycle transition."
    return None


def _count(values: Mapping[str, str], name: str) -> int:
    text = values.get(name, "0")
    return int(text) if text.isdecimal() else 0
