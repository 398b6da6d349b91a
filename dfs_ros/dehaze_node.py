"""The node that takes the fog out of cameras' images and says what is where in them.

Start it with `ros2 run dfs_ros dehaze_node` or `python -m dfs_ros.dehaze_node`, followed by `--ros-args` and any
remappings and parameters. It serves one camera, or several by one model: parameter `cameras`.
"""

from collections.abc import Callable
from functools import partial
from typing import NoReturn

from lifecycle_msgs.srv import ChangeState
from rclpy.clock import Clock, ClockType
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from dfs_core.errors import ConfigError
from dfs_core.runtime import Dehazer
from dfs_ros import middleware
from dfs_ros.camera_stream import CameraStream
from dfs_ros.control_services import ControlServices
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.log_bridge import LogBridge
from dfs_ros.model_roots import ModelRoots
from dfs_ros.model_runner import ModelRunner
from dfs_ros.parameters import LiveParameters
from dfs_ros.reporter import Reporter

REPORT_SECONDS = 1.0

FINISH_SECONDS = 1.0
"""How long the frames in hand may take when the node is deactivated or ended."""

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR


class DehazeNode(LifecycleNode):
    """Subscribes to cameras while active, and publishes what the model says of their newest images."""

    def __init__(self, *, namespace: str = "") -> None:
        """Declare the parameters, begin to report, and unless told otherwise, configure and activate.

        Args:
            namespace: of the node, where a process has several and `__ns` would be that of all.

        Raises:
            ConfigError: a parameter has the wrong type or is out of range, or the model lies outside of its roots.
        """
        super().__init__("dehaze_node", namespace=namespace)
        self._answer_impossible_transitions()
        self._log_bridge = LogBridge("dfs_core", self.get_logger())
        self._state = "unconfigured"
        self._failure = ""
        self._live_parameters = LiveParameters(
            self,
            DehazeParameters,
            is_configured=lambda: self._state not in {"unconfigured", "finalized"},
            accept=self._accept,
            on_change=self._parameters_changed,
        )
        values = self._live_parameters.values
        self._roots = ModelRoots(values.model_roots, first_model=values.model)
        self._cameras = self._make_cameras()
        self._runner: ModelRunner | None = None
        ControlServices(self, reload_model=self._exchange_model)
        self._reporter = Reporter(self)
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
        self._runner = ModelRunner(self._cameras, parameters=lambda: self._live_parameters.values, roots=self._roots)
        dehazer = self._runner.start(wait_while=self.context.ok)
        for camera in self._cameras:
            camera.configure(dehazer.artifact.labels)

    def _activate(self) -> None:
        if self._runner is None:
            raise RuntimeError("there is no model")
        for camera in self._cameras:
            camera.activate(partial(self._runner.put, camera))
        topics = ", ".join(camera.topic for camera in self._cameras)
        self.get_logger().info(f"listening to {topics}, running {_told(self._dehazer)}")

    def _deactivate(self, *, wait: bool = True) -> None:
        was_listening = [camera.deactivate() for camera in self._cameras]
        if any(was_listening) and wait and self._runner is not None:
            self._runner.finish(FINISH_SECONDS)

    def _clean_up(self) -> None:
        if self._runner is not None:
            if not self._runner.stop(FINISH_SECONDS) and self.context.ok():
                self.get_logger().warning("the model is still busy with a frame, whose answer is lost")
            self._runner = None
        for camera in self._cameras:
            camera.clean_up()

    @property
    def _dehazer(self) -> Dehazer | None:
        return self._runner.dehazer if self._runner is not None else None

    def _accept(self, values: DehazeParameters) -> None:
        """Refuse a model that may not be loaded."""
        if values.model != self._live_parameters.values.model:
            self._roots.resolve(values.model)

    def _parameters_changed(self, before: DehazeParameters) -> None:
        """Announce other colours to those who look at masks."""
        if before.palette != self._live_parameters.values.palette:
            for camera in self._cameras:
                camera.announce_labels()

    def _exchange_model(self) -> str:
        """Let the model that the parameters name take over, in a thread of its own, and say what runs then."""
        runner = self._runner
        if runner is None:
            raise ConfigError(f"the node is {self._state}: it loads the model when it is configured")
        dehazer = runner.exchange()
        if dehazer is None:
            raise ConfigError("the node was cleaned up meanwhile: it loads the model when it is configured")
        told = _told(dehazer)
        self.get_logger().info(f"running {told} from now on")
        return f"running {told}"

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
        parameters = self._live_parameters.values
        self._reporter.report(
            self._cameras, self._runner, state=self._state, failure=self._failure, parameters=parameters
        )


def _told(dehazer: Dehazer | None) -> str:
    return "no model" if dehazer is None else f"{dehazer.artifact.name} on {dehazer.backend} in {dehazer.precision}"


def main() -> NoReturn:
    """Run the node until it is told to stop."""
    middleware.leave(middleware.run(DehazeNode))


if __name__ == "__main__":
    main()
