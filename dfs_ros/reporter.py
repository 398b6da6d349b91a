"""Publishes what a dehaze node says of itself on /diagnostics: one status a camera, then one of the model."""

from collections.abc import Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from dfs_ros import diagnostics
from dfs_ros.camera_stream import CameraStream
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.memory import resident_mb
from dfs_ros.model_runner import ModelRunner
from dfs_ros.statistics import Snapshot


class Reporter:
    """Publishes a node's diagnostics; stamps are of the node's clock."""

    def __init__(self, node: Node) -> None:
        """Offer the topic."""
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._reported: dict[CameraStream, Snapshot] = {}

    def report(
        self,
        cameras: Sequence[CameraStream],
        runner: ModelRunner | None,
        *,
        state: str,
        failure: str,
        parameters: DehazeParameters,
    ) -> None:
        """Publish how things are.

        Args:
            cameras: those of the node.
            runner: what runs the model; None while there is none.
            state: of the lifecycle.
            failure: why the node cannot run; empty if it can.
            parameters: the current ones.
        """
        snapshots = {camera: camera.statistics.snapshot() for camera in cameras}
        model = _model_figures(runner)
        statuses = [
            diagnostics.report(
                self._node.get_fully_qualified_name(),
                _condition(camera, model, state=state, failure=failure, is_enabled=parameters.enabled),
                now,
                self._reported.get(camera),
                limits=parameters,
                camera=camera.name,
            )
            for camera, now in snapshots.items()
        ]
        self._reported = snapshots
        message = DiagnosticArray(status=[*statuses, self._model_status(model, state, failure, parameters)])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def _model_status(
        self, figures: dict[str, str], state: str, failure: str, parameters: DehazeParameters
    ) -> DiagnosticStatus:
        """Return how the model fares, and the process that it is in."""
        memory_mb = resident_mb()
        level, message = DiagnosticStatus.OK, f"{state}: {figures['model'] or 'no model is loaded'}"
        if failure:
            level, message = DiagnosticStatus.ERROR, f"not running: {failure}"
        elif 0 < parameters.warn_memory_mb < memory_mb:
            level = DiagnosticStatus.WARN
            message = f"{memory_mb:.0f} MB are in use, above warn_memory_mb = {parameters.warn_memory_mb}"
        figures = figures | {"state": state, "memory MB": f"{memory_mb:.0f}"}
        return DiagnosticStatus(
            level=level,
            name=f"{self._node.get_fully_qualified_name()}: model",
            message=message,
            hardware_id=figures["backend"],
            values=[KeyValue(key=key, value=value) for key, value in figures.items()],
        )


def _model_figures(runner: ModelRunner | None) -> dict[str, str]:
    """Return what is running and how fast, by name; empty texts where nothing is."""
    dehazer = runner.dehazer if runner is not None else None
    figures = {
        "model": dehazer.artifact.name if dehazer else "",
        "backend": dehazer.backend if dehazer else "",
        "precision": dehazer.precision if dehazer else "",
        "engine": dehazer.engine if dehazer else "",
    }
    if runner is None:
        return figures
    now = runner.statistics.snapshot()
    return figures | {
        "calls": str(now.calls),
        "frames": str(now.frames),
        "batch mean": f"{now.batch_mean:.2f}",
        "batch max": str(now.batch_max),
        "call p50 ms": f"{now.call_p50_ms:.2f}",
        "call p95 ms": f"{now.call_p95_ms:.2f}",
        "call max ms": f"{now.call_max_ms:.2f}",
        "round p50 ms": f"{now.round_p50_ms:.2f}",
    }


def _condition(
    camera: CameraStream, model: dict[str, str], *, state: str, failure: str, is_enabled: bool
) -> diagnostics.Condition:
    return diagnostics.Condition(
        state=state,
        failure=failure,
        topic=camera.topic,
        publishers=camera.publisher_count,
        is_wanted=camera.is_wanted,
        is_listening=camera.is_listening,
        mismatch=camera.mismatch,
        is_enabled=is_enabled,
        model=model["model"],
        backend=model["backend"],
        precision=model["precision"],
        attenuation=camera.attenuation,
        last_refusal=camera.last_refusal,
        last_error=camera.last_error,
    )
