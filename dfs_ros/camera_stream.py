"""One camera of a dehaze node: what comes in, what goes out, and what was seen of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rclpy.lifecycle import LifecycleNode
from rclpy.logging import LoggingSeverity
from sensor_msgs.msg import CameraInfo

from dfs_core.labels import LabelSet
from dfs_ros.camera_input import Arrival, CameraInput
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.dehazing import Dehazing, Kind, Question
from dfs_ros.image_error import ImageError
from dfs_ros.outputs import Outputs
from dfs_ros.qos import TELLS_MATCHES
from dfs_ros.rate_limit import RateLimit
from dfs_ros.statistics import Statistics
from dfs_ros.throttle import Throttle

COMPLAINT_SECONDS = 5.0


class CameraStream:
    """A camera's subscriptions, publishers and figures, made and freed as the node's lifecycle goes.

    Attributes:
        name: under which its topics are; empty for a node's only camera.
        statistics: what happened to its frames.
        last_refusal, last_error: texts of the newest ones.
    """

    def __init__(self, node: LifecycleNode, name: str, *, parameters: Callable[[], DehazeParameters]) -> None:
        """Touch no topic yet; `parameters` gives the current ones."""
        self.name = name
        self.statistics = Statistics()
        self.last_refusal = self.last_error = ""
        self._node = node
        self._parameters = parameters
        self._may_complain = Throttle(COMPLAINT_SECONDS)
        self._rate_limit = RateLimit()
        self._input: CameraInput | None = None
        self._outputs: Outputs | None = None
        self._dehazing: Dehazing | None = None

    @property
    def dehazing(self) -> Dehazing:
        """What reads and answers its messages, while it is configured."""
        if self._dehazing is None:
            raise RuntimeError(f"camera {self.name!r} is not configured")
        return self._dehazing

    @property
    def topic(self) -> str:
        """Where its images come from; empty while it is not active."""
        return self._input.topic if self._input is not None else ""

    @property
    def publisher_count(self) -> int:
        """How many publishers that topic has."""
        return self._input.publisher_count if self._input is not None else 0

    @property
    def is_listening(self) -> bool:
        """Whether it is subscribed to its images; it is not while nobody wants to know, if it is lazy."""
        return self._input is not None and self._input.is_open

    @property
    def mismatch(self) -> str:
        """Which publisher of images does not match in quality of service, in words; empty if all do."""
        return self._input.mismatch if self._input is not None else ""

    @property
    def is_wanted(self) -> bool:
        """Whether anybody listens to an output."""
        return self._outputs is not None and bool(self._outputs.wishes())

    @property
    def attenuation(self) -> float:
        """β in 1/m of the newest frame; nan before the first."""
        return self._dehazing.attenuation if self._dehazing is not None else float("nan")

    @property
    def newest_kind(self) -> Kind | None:
        """What the model was last asked for; None before the first frame."""
        return self._dehazing.newest_kind if self._dehazing is not None else None

    def configure(self, labels: LabelSet) -> None:
        """Offer the outputs; `labels` say what the ids in a mask mean."""
        self._outputs = Outputs(
            self._node,
            labels,
            root=f"~/{self.name}" if self.name else "~",
            on_demand_changed=self._follow_demand,
        )
        self._dehazing = Dehazing(
            self._outputs,
            self.statistics,
            parameters=self._parameters,
            calibration=self._calibration,
            clock=self._node.get_clock(),
        )

    def activate(self, on_image: Callable[[Arrival], None]) -> None:
        """Begin to listen, if lazy only while somebody wants to know.

        Args:
            on_image: called with every image; must return at once.
        """
        if self._outputs is not None:
            self._outputs.announce_labels(self._parameters().palette)
        transport = self._parameters().image_transport
        self._input = CameraInput(self._node, name=self.name, transport=transport, on_image=on_image)
        self._follow_demand()

    def is_due(self) -> bool:
        """Say of an image that has come whether it is to be taken up, by the rate that the parameters allow."""
        return self._rate_limit(self._parameters().max_rate_hz)

    def use_labels(self, labels: LabelSet) -> None:
        """Go on with the labels of another model; for the worker's thread."""
        if self._outputs is not None:
            self._outputs.use_labels(labels)
            self.announce_labels()

    def announce_labels(self) -> None:
        """Tell once more what the ids in a mask mean and their colours, while it is active."""
        if self._outputs is not None and self._input is not None:
            self._outputs.announce_labels(self._parameters().palette)

    def deactivate(self) -> bool:
        """Stop listening, and say whether it was."""
        if self._input is None:
            return False
        self._input.close()
        self._input = None
        return True

    def clean_up(self) -> None:
        """Take the outputs back."""
        if self._outputs is not None:
            self._outputs.destroy()
            self._outputs = self._dehazing = None

    def _follow_demand(self) -> None:
        """Listen to the camera as long as somebody wants to know what is seen."""
        if self._input is None or self._outputs is None:
            return
        is_wanted = self._outputs.are_wanted or not self._parameters().lazy or not TELLS_MATCHES
        if is_wanted and not self._input.is_open:
            self._input.open()
            self.statistics.listening_began()
        elif not is_wanted:
            self._input.close()

    def trace(self, question: Question, *, batch: int) -> None:
        """Say at debug level how long each step of a frame took, and with how many frames it went through the model."""
        logger = self._node.get_logger()
        if logger.is_enabled_for(LoggingSeverity.DEBUG):
            stamp = question.arrival.message.header.stamp
            steps = ", ".join(f"{step} {1e3 * seconds:.2f}" for step, seconds in question.stopwatch.seconds.items())
            logger.debug(f"{question.arrival.topic} {stamp.sec}.{stamp.nanosec:09d}: batch {batch}; ms: {steps}")

    @contextmanager
    def answers_for(self, arrival: Arrival) -> Iterator[None]:
        """Count and report what goes wrong with a message inside the `with` block; nothing is raised."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - one bad frame must not end the stream
            self.frame_failed(arrival, error)

    def frame_failed(self, arrival: Arrival, error: Exception) -> None:
        """Count and report, in the worker's thread, a frame that could not be answered."""
        if not self._node.context.ok():
            return  # the process ends, and takes the publishers with it
        text = f"{arrival.topic}: {error}"
        if isinstance(error, ImageError):
            self.statistics.frame_was_refused(error.reason)
            self.last_refusal = text
            if self._may_complain(error.reason):
                self._node.get_logger().warning(f"image refused: {text}")
            return
        kind = type(error).__name__
        self.statistics.frame_failed(kind)
        self.last_error = f"{kind}: {text}"
        if self._may_complain(kind):
            self._node.get_logger().error(f"image lost: {self.last_error}")

    def _calibration(self) -> CameraInfo | None:
        """Return the camera's newest calibration, in the worker's thread, while the camera may be taken away."""
        camera = self._input
        return camera.calibration if camera is not None else None
