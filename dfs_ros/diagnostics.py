"""What the dehaze node says of each of its cameras: a level, a sentence for people, and figures by name."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from dfs_core.errors import FogError
from dfs_core.optics import mor_from_attenuation
from dfs_ros.dehaze_parameters import IMPLAUSIBLE_LATENCY_MS, DehazeParameters
from dfs_ros.statistics import Snapshot

_IDLE = "idle: nobody subscribes to an output"


@dataclass(frozen=True)
class Condition:
    """What the node knows of a camera besides its statistics.

    Attributes:
        state: of the lifecycle: "unconfigured", "inactive", "active", ...
        failure: why it cannot run; empty if it can.
        topic: where it expects images.
        publishers: how many publishers that topic has.
        is_wanted: whether anybody listens to an output.
        is_listening: whether it is subscribed to the images.
        mismatch: which of those publishers does not match in quality of service, in words; empty if all do.
        is_enabled: whether frames are dehazed.
        model, backend, precision: what is running; empty if nothing is.
        attenuation: β in 1/m of the newest frame; nan before the first.
        last_refusal, last_error: texts of the newest ones.
    """

    state: str
    failure: str = ""
    topic: str = ""
    publishers: int = 0
    is_wanted: bool = False
    is_listening: bool = True
    mismatch: str = ""
    is_enabled: bool = True
    model: str = ""
    backend: str = ""
    precision: str = ""
    attenuation: float = float("nan")
    last_refusal: str = ""
    last_error: str = ""


def report(
    name: str,
    condition: Condition,
    now: Snapshot,
    before: Snapshot | None,
    *,
    limits: DehazeParameters,
    camera: str = "",
) -> DiagnosticStatus:
    """Return the status of one camera of a node.

    Args:
        name: of the node.
        condition: how it is.
        now: its statistics.
        before: those of the report before, for what is new.
        limits: what is too slow, too silent and so on.
        camera: which of the node's cameras; empty for its only one.
    """
    level, message = _judge(condition, now, before, limits)
    values = [KeyValue(key=key, value=value) for key, value in _figures(condition, now).items()]
    return DiagnosticStatus(level=level, name=f"{name}: dehazing {camera}".rstrip(), message=message, values=values)


def _judge(condition: Condition, now: Snapshot, before: Snapshot | None, limits: DehazeParameters) -> tuple[bytes, str]:
    """Return the level, and the one thing that matters most in words."""
    if condition.failure:
        return DiagnosticStatus.ERROR, f"not running: {condition.failure}"
    if condition.state != "active":
        return DiagnosticStatus.OK, f"{condition.state}: waits for a lifecycle transition"
    if failed := _growth(now.failed, before.failed if before else {}):
        return DiagnosticStatus.ERROR, f"{failed} frames failed since the last report: {condition.last_error}"
    if refused := _growth(now.refused, before.refused if before else {}):
        return DiagnosticStatus.WARN, f"{refused} frames refused since the last report: {condition.last_refusal}"
    return _judge_flow(condition, now, before, limits) if condition.is_listening else (DiagnosticStatus.OK, _IDLE)


def _judge_flow(
    condition: Condition, now: Snapshot, before: Snapshot | None, limits: DehazeParameters
) -> tuple[bytes, str]:
    """Judge how frames come and go where none was refused."""
    if now.seconds_since_frame > limits.warn_silence_s:
        is_stale = now.seconds_since_frame > limits.stale_silence_s
        return DiagnosticStatus.STALE if is_stale else DiagnosticStatus.WARN, condition.mismatch or (
            f"no image on {condition.topic} for {now.seconds_since_frame:.0f} s; "
            f"it has {condition.publishers} publishers; `ros2 topic info -v {condition.topic}` shows them and their QoS"
        )
    if not condition.is_enabled:
        return DiagnosticStatus.OK, "disabled: frames pass as they are; `~/enable` or the parameter turns it on"
    if not condition.is_wanted:
        return DiagnosticStatus.OK, _IDLE
    new = Counter(now.counts) - Counter(before.counts if before else {})
    if new["superseded"] and not new["out"] and not new["idle"]:
        return DiagnosticStatus.WARN, (
            f"{new['in']} frames came since the last report and none was answered: the model is stuck or too slow; "
            "try a smaller image or another backend, or start the node again"
        )
    if abs(now.latency_now_ms) > IMPLAUSIBLE_LATENCY_MS:
        return DiagnosticStatus.WARN, (
            f"header stamps are {now.latency_now_ms / 1e3:.0f} s away from the node's clock; "
            "set use_sim_time when playing a bag with /clock, else check the clock of the camera's machine"
        )
    return _judge_speed(now, limits)


def _judge_speed(now: Snapshot, limits: DehazeParameters) -> tuple[bytes, str]:
    """Judge how soon and how often frames are answered."""
    late = f"answers come {now.latency_now_ms:.0f} ms after the images' stamps"
    cure = "`precision: auto`, a GPU or fewer cameras make it faster"
    if 0.0 < limits.error_latency_ms < now.latency_now_ms:
        return DiagnosticStatus.ERROR, f"{late}, above error_latency_ms = {limits.error_latency_ms:g}; {cure}"
    if 0.0 < limits.warn_latency_ms < now.latency_now_ms:
        return DiagnosticStatus.WARN, f"{late}, above warn_latency_ms = {limits.warn_latency_ms:g}; {cure}"
    if now.rate_out < limits.warn_rate_hz:
        return DiagnosticStatus.WARN, (
            f"{now.rate_out:.1f} frames/s are answered of {now.rate_in:.1f} that come, "
            f"below warn_rate_hz = {limits.warn_rate_hz:g}; {cure}"
        )
    return DiagnosticStatus.OK, f"running: {now.rate_in:.1f} frames/s in, {now.rate_out:.1f} out"


def _figures(condition: Condition, now: Snapshot) -> dict[str, str]:
    """Return all figures by name, as text; nan where there is none yet."""
    figures = {
        "state": condition.state,
        "frames in": str(now.counts["in"]),
        "frames out": str(now.counts["out"]),
        "superseded": str(now.counts["superseded"]),
        "beyond max rate": str(now.counts["skipped"]),
        "passed as clear": str(now.counts["passed"]),
        "not wanted": str(now.counts["idle"]),
        "refused": str(sum(now.refused.values())),
        "failed": str(sum(now.failed.values())),
        "rate in Hz": f"{now.rate_in:.2f}",
        "rate out Hz": f"{now.rate_out:.2f}",
        "latency p50 ms": f"{now.latency_p50_ms:.1f}",
        "latency p95 ms": f"{now.latency_p95_ms:.1f}",
        "latency max ms": f"{now.latency_max_ms:.1f}",
        "queue age p95 ms": f"{now.queue_p95_ms:.1f}",
        "fog density": f"{condition.attenuation:.5f}",
        "visibility m": f"{_visibility_m(condition.attenuation):.0f}",
        "backend": condition.backend,
        "precision": condition.precision,
        "model": condition.model,
    }
    figures |= {f"refused: {reason}": str(count) for reason, count in sorted(now.refused.items())}
    figures |= {f"failed: {error}": str(count) for error, count in sorted(now.failed.items())}
    return figures | {f"{step} p50 ms": f"{value:.2f}" for step, value in now.step_p50_ms.items()}


def _visibility_m(attenuation: float) -> float:
    try:
        return mor_from_attenuation(attenuation)
    except FogError:  # nan before the first frame
        return float("nan")


def _growth(now: Mapping[str, int], before: Mapping[str, int]) -> int:
    return sum(now.values()) - sum(before.values())
