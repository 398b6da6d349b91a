"""The node that takes the fog out of cameras' images and says what is where in them.

Start it with `ros2 run dfs_ros dehaze_node` or `python -m dfs_ros.dehaze_node`, followed by `--ros-args` and any
remappings and parameters. It serves one camera, or several by one model: parameter `cameras`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import ChangeState
from rclpy.clock import Clock, ClockType
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from dfs_core.runtime import Dehazer, load
from dfs_ros import diagnostics, middleware, rounds
from dfs_ros.camera_input import Arrival
from dfs_ros.camera_stream import CameraStream
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.log_bridge import LogBridge
from dfs_ros.mailbox import Mailbox
from dfs_ros.parameters import LiveParameters
from dfs_ros.statistics import Snapshot
from dfs_ros.worker import Worker

REPORT_SECONDS = 1.0

FINISH_SECONDS = 1.0
"""How long the frames in hand may take when the node is deactivated or ended."""

WARM_UP_SIZE = (540, 960)

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR


class DehazeNode(LifecycleNode):
    """Subscribes to cameras while active, and publishes what the model says of their newest images."""

    def __init__(self) -> None:
        """Declare the parameters, begin to report, and unless told otherwise, configure and activate.

        Raises:
            ConfigError: a parameter has the wrong type or is out of range.
        """
        super().__init__("dehaze_node")
        self._answer_impossible_transitions()
        self._log_bridge = LogBridge("dfs_core", self.get_logger())
        self._state = "unconfigured"
        self._failure = ""
        self._live_parameters = LiveParameters(
            self, DehazeParameters, is_configured=lambda: self._state not in {"unconfigured", "finalized"}
        )
        self._cameras = self._make_cameras()
        self._reported: dict[CameraStream, Snapshot] = {}
        self._dehazer: Dehazer | None = None
        self._worker: Worker[Dehazer, rounds.Item] | None = None
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # Steady, as the node's own clock stands still before the first /clock of a bag.
        self.create_timer(REPORT_SECONDS, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))
        if self._live_parameters.values.autostart and self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    def on_configure(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and offer the outputs; a model that cannot be loaded leaves the node unconfigured."""
        if self._succeeds(self._configure, goal="inactive"):
            return SUCCESS
        self._clean_up()
        return FAILURE

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to listen to the cameras."""
        super().on_activate(state)
        return SUCCESS if self._succeeds(self._activate, goal="active") else ERROR

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop listening, finish what has come, and report once more."""
        self._deactivate()
        self._state = "inactive"
        self._report()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of the model and take the outputs back."""
        self._clean_up()
        self._state = "unconfigured"
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End all work."""
        self._deactivate()
        self._clean_up()
        self._state = "finalized"
        self._report()
        return super().on_shutdown(state)

    def on_error(self, _state: LifecycleState) -> TransitionCallbackReturn:
        """Return to the beginning, whatever went wrong."""
        self._deactivate()
        self._clean_up()
        self._state = "unconfigured"
        return SUCCESS

    def destroy_node(self) -> None:
        """End the worker, then the node."""
        self._deactivate(wait=False)
        self._clean_up()
        self._log_bridge.close()
        super().destroy_node()

    def _succeeds(self, action: Callable[[], None], *, goal: str) -> bool:
        """Do what leads to a state and say whether it worked; rclpy would swallow the words of what went wrong."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - a transition that fails must not take the node down
            self._failure = str(error)
            if self.context.ok():
                self.get_logger().error(f"cannot become {goal}: {error}")
            return False
        self._failure = ""
        self._state = goal
        return True

    def _make_cameras(self) -> list[CameraStream]:
        """Return what keeps the cameras apart that the parameters name."""
        names = self._live_parameters.values.cameras or ("",)
        return [CameraStream(self, name, parameters=lambda: self._live_parameters.values) for name in names]

    def _configure(self) -> None:
        if [camera.name for camera in self._cameras] != list(self._live_parameters.values.cameras or ("",)):
            self._cameras = self._make_cameras()
        self._mailbox: Mailbox[rounds.Item] = Mailbox()
        self._worker = Worker(
            self._mailbox,
            open_resource=self._open_model,
            handle=rounds.answer,
            on_failure=self._round_failed,
            window=lambda: self._live_parameters.values.batch_window_ms / 1e3,
        )
        if not self._worker.start(wait_while=self.context.ok) or self._dehazer is None:
            raise RuntimeError("interrupted while the model was being loaded")
        for camera in self._cameras:
            camera.configure(self._dehazer.artifact.labels)

    def _activate(self) -> None:
        for camera in self._cameras:
            camera.activate(partial(self._image_came, camera))
        if (model := self._dehazer) is not None:
            what = f"{model.artifact.name} on {model.backend} in {model.precision}"
            topics = ", ".join(camera.topic for camera in self._cameras)
            self.get_logger().info(f"listening to {topics}, running {what}")

    def _deactivate(self, *, wait: bool = True) -> None:
        was_listening = [camera.deactivate() for camera in self._cameras]
        if any(was_listening) and wait:
            self._mailbox.wait_until_done(FINISH_SECONDS)

    def _clean_up(self) -> None:
        if self._worker is not None:
            if not self._worker.stop(FINISH_SECONDS) and self.context.ok():
                self.get_logger().warning("the model is still busy with a frame, whose answer is lost")
            self._worker = self._dehazer = None
        for camera in self._cameras:
            camera.clean_up()

    def _open_model(self) -> Dehazer:
        """Load the model, in the worker's thread."""
        parameters = self._live_parameters.values
        dehazer = load(
            parameters.model or None,
            parameters.backend,
            precision=parameters.precision,
            threads=parameters.threads or None,
        )
        dehazer.warm_up(*WARM_UP_SIZE, batch=len(self._cameras))
        self._dehazer = dehazer
        return dehazer

    def _image_came(self, camera: CameraStream, arrival: Arrival) -> None:
        """Keep the newest image; an older one that still waits is dropped and counted."""
        replaced = self._mailbox.put(camera.name, (camera, arrival))
        camera.statistics.frame_came(superseded=replaced is not None)

    def _round_failed(self, items: Sequence[rounds.Item], error: Exception) -> None:
        for camera, arrival in items:
            camera.frame_failed(arrival, error)

    def _answer_impossible_transitions(self) -> None:
        """Refuse a transition that the state does not allow; rclpy lets it end the process, and the caller wait."""
        change = self._service_change_state.callback

        def answer(request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
            try:
                return change(request, response)
            except rclpy_implementation.RCLError as error:
                wanted = request.transition.label or f"transition {request.transition.id}"
                self.get_logger().warning(
                    f"{wanted} refused while {self._state}: {error}; "
                    f"`ros2 lifecycle list {self.get_fully_qualified_name()}` shows what is possible"
                )
                response.success = False
                return response

        self._service_change_state.callback = answer

    def _report(self) -> None:
        """Publish the diagnostics."""
        statuses = [self._status(camera) for camera in self._cameras]
        self._diagnostics.publish(diagnostics.array(self.get_clock().now().to_msg(), statuses))

    def _status(self, camera: CameraStream) -> DiagnosticStatus:
        """Return how a camera fares."""
        dehazer = self._dehazer
        condition = diagnostics.Condition(
            state=self._state,
            failure=self._failure,
            topic=camera.topic,
            publishers=camera.publisher_count,
            is_wanted=camera.is_wanted,
            model=dehazer.artifact.name if dehazer else "",
            backend=dehazer.backend if dehazer else "",
            precision=dehazer.precision if dehazer else "",
            attenuation=camera.attenuation,
            last_refusal=camera.last_refusal,
            last_error=camera.last_error,
        )
        now, before = camera.statistics.snapshot(), self._reported.get(camera)
        self._reported[camera] = now
        name = self.get_fully_qualified_name()
        return diagnostics.report(name, condition, now, before, camera=camera.name)


def main() -> NoReturn:
    """Run the node until it is told to stop."""
    middleware.leave(middleware.run(DehazeNode))


if __name__ == "__main__":
    main()
