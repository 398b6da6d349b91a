"""The node that takes the fog out of a camera's images and says what is where in them.

Start it with `ros2 run dfs_ros dehaze_node` or `python -m dfs_ros.dehaze_node`, followed by `--ros-args` and any
remappings and parameters.
"""

from collections.abc import Callable
from typing import NoReturn

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rclpy.clock import Clock, ClockType
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import CameraInfo

from dfs_core.runtime import Dehazer, load
from dfs_ros import diagnostics, middleware
from dfs_ros.camera_input import Arrival, CameraInput
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.dehazing import Dehazing
from dfs_ros.image_error import ImageError
from dfs_ros.log_bridge import LogBridge
from dfs_ros.mailbox import Mailbox
from dfs_ros.outputs import Outputs
from dfs_ros.parameters import LiveParameters
from dfs_ros.statistics import Snapshot, Statistics
from dfs_ros.throttle import Throttle
from dfs_ros.worker import Worker

REPORT_SECONDS = 1.0
COMPLAINT_SECONDS = 5.0

FINISH_SECONDS = 1.0
"""How long the frame in hand may take when the node is deactivated or ended."""

WARM_UP_SIZE = (540, 960)

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR


class DehazeNode(LifecycleNode):
    """Subscribes to a camera while active, and publishes what the model says of its newest image."""

    def __init__(self) -> None:
        """Declare the parameters, begin to report, and unless told otherwise, configure and activate.

        Raises:
            ConfigError: a parameter has the wrong type or is out of range.
        """
        super().__init__("dehaze_node")
        self._answer_impossible_transitions()
        self._log_bridge = LogBridge("dfs_core", self.get_logger())
        self._state = "unconfigured"
        self._failure = self._last_refusal = self._last_error = ""
        self._live_parameters = LiveParameters(
            self, DehazeParameters, is_configured=lambda: self._state not in {"unconfigured", "finalized"}
        )
        self._statistics = Statistics()
        self._reported: Snapshot | None = None
        self._may_complain = Throttle(COMPLAINT_SECONDS)
        self._dehazer: Dehazer | None = None
        self._worker: Worker[Dehazer, Arrival] | None = None
        self._outputs: Outputs | None = None
        self._dehazing: Dehazing | None = None
        self._camera: CameraInput | None = None
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
        """Begin to listen to the camera."""
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

    def _configure(self) -> None:
        self._mailbox: Mailbox[Arrival] = Mailbox()
        self._worker = Worker(
            self._mailbox, open_resource=self._open_model, handle=self._answer, on_failure=self._frame_failed
        )
        if not self._worker.start(wait_while=self.context.ok) or self._dehazer is None:
            raise RuntimeError("interrupted while the model was being loaded")
        self._outputs = Outputs(self, self._dehazer.artifact.labels)
        self._dehazing = Dehazing(
            self._outputs,
            self._statistics,
            parameters=lambda: self._live_parameters.values,
            calibration=self._calibration,
            clock=self.get_clock(),
        )

    def _activate(self) -> None:
        if self._outputs is not None:
            self._outputs.announce_labels()
        self._camera = CameraInput(
            self, transport=self._live_parameters.values.image_transport, on_image=self._image_came
        )
        self._statistics.listening_began()
        if (model := self._dehazer) is not None:
            what = f"{model.artifact.name} on {model.backend} in {model.precision}"
            self.get_logger().info(f"listening to {self._camera.topic}, running {what}")

    def _deactivate(self, *, wait: bool = True) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None
            if wait:
                self._mailbox.wait_until_done(FINISH_SECONDS)

    def _clean_up(self) -> None:
        if self._worker is not None:
            if not self._worker.stop(FINISH_SECONDS) and self.context.ok():
                self.get_logger().warning("the model is still busy with a frame, whose answer is lost")
            self._worker = self._dehazer = None
        if self._outputs is not None:
            self._outputs.destroy()
            self._outputs = self._dehazing = None

    def _open_model(self) -> Dehazer:
        """Load the model, in the worker's thread."""
        parameters = self._live_parameters.values
        dehazer = load(
            parameters.model or None,
            parameters.backend,
            precision=parameters.precision,
            threads=parameters.threads or None,
        )
        dehazer.warm_up(*WARM_UP_SIZE)
        self._dehazer = dehazer
        return dehazer

    def _calibration(self) -> CameraInfo | None:
        """Return the camera's newest calibration, in the worker's thread, while the camera may be taken away."""
        camera = self._camera
        return camera.calibration if camera is not None else None

    def _image_came(self, arrival: Arrival) -> None:
        """Keep the newest image; an older one that still waits is dropped and counted."""
        replaced = self._mailbox.put(arrival.topic, arrival)
        self._statistics.frame_came(superseded=replaced is not None)

    def _answer(self, dehazer: Dehazer, arrival: Arrival) -> None:
        if self._dehazing is not None:
            self._dehazing(dehazer, arrival)

    def _frame_failed(self, arrival: Arrival, error: Exception) -> None:
        """Count and report, in the worker's thread, a frame that could not be answered."""
        if not self.context.ok():
            return  # the process ends, and takes the publishers with it
        text = f"{arrival.topic}: {error}"
        if isinstance(error, ImageError):
            self._statistics.frame_was_refused(error.reason)
            self._last_refusal = text
            if self._may_complain(error.reason):
                self.get_logger().warning(f"image refused: {text}")
            return
        kind = type(error).__name__
        self._statistics.frame_failed(kind)
        self._last_error = f"{kind}: {text}"
        if self._may_complain(kind):
            self.get_logger().error(f"image lost: {self._last_error}")

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
        dehazer, camera, outputs, dehazing = self._dehazer, self._camera, self._outputs, self._dehazing
        condition = diagnostics.Condition(
            state=self._state,
            failure=self._failure,
            topic=camera.topic if camera else "",
            publishers=camera.publisher_count if camera else 0,
            is_wanted=bool(outputs and outputs.wishes()),
            model=dehazer.artifact.name if dehazer else "",
            backend=dehazer.backend if dehazer else "",
            precision=dehazer.precision if dehazer else "",
            attenuation=dehazing.attenuation if dehazing else float("nan"),
            last_refusal=self._last_refusal,
            last_error=self._last_error,
        )
        now = self._statistics.snapshot()
        status = diagnostics.report(self.get_fully_qualified_name(), condition, now, self._reported)
        self._reported = now
        self._diagnostics.publish(diagnostics.array(self.get_clock().now().to_msg(), status))


def main() -> NoReturn:
    """Run the node until it is told to stop."""
    middleware.leave(middleware.run(DehazeNode))


if __name__ == "__main__":
    main()
