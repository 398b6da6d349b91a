"""What becomes of one camera's image messages: each is read, and once the model has said what it sees, answered."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage

from dfs_core.artifact import Artifact
from dfs_core.errors import BackendError
from dfs_core.fog_gate import FogGate
from dfs_core.runtime import Adjustment, Result
from dfs_core.runtime.steadying import Steadying
from dfs_ros.answer import Answer, Wishes
from dfs_ros.camera_input import Arrival
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.image_message import answer_encoding, decode, to_array
from dfs_ros.outputs import Outputs
from dfs_ros.statistics import Statistics, Stopwatch


class Kind(NamedTuple):
    """The size of a frame, and whether it is wanted without fog, and its mask."""

    height: int
    width: int
    dehaze: bool
    segment: bool


@dataclass(frozen=True)
class Question:
    """A frame that was read, and what the model is asked about it.

    Attributes:
        arrival: the message that it came as.
        frame: RGB, uint8 [H, W, 3].
        encoding: in which images are answered: "rgb8", "bgr8" or "mono8".
        wishes: what somebody wants to know.
        room: where the frame without fog is best written; None: wherever the model likes.
        stopwatch: how long its steps took so far.
    """

    arrival: Arrival
    frame: NDArray[np.uint8]
    encoding: str
    wishes: Wishes
    room: NDArray[np.uint8] | None
    stopwatch: Stopwatch

    @property
    def kind(self) -> Kind:
        """What one call of the model needs to be the same for all its frames."""
        height, width, _ = self.frame.shape
        return Kind(height, width, self.wishes.dehazed, self.wishes.mask)


class Dehazing:
    """Reads and answers the messages of one camera; to be called by the worker alone."""

    def __init__(
        self,
        outputs: Outputs,
        statistics: Statistics,
        *,
        parameters: Callable[[], DehazeParameters],
        calibration: Callable[[], CameraInfo | None],
        clock: Clock,
    ) -> None:
        """Remember where answers go.

        Args:
            outputs: publishes them.
            statistics: counts and times them.
            parameters: gives the current parameters.
            calibration: gives the camera's newest calibration.
            clock: what header stamps are compared with.
        """
        self._outputs = outputs
        self._statistics = statistics
        self._parameters = parameters
        self._calibration = calibration
        self._clock = clock
        self._gate = FogGate()
        self._steadying = Steadying()
        self.attenuation = math.nan  # before the first frame, and of models that do not tell it
        self.newest_kind: Kind | None = None

    def read(self, arrival: Arrival) -> Question | None:
        """Return what to ask the model about a message, or None where nobody wants to know or it passes unasked.

        Raises:
            ImageError: the message cannot be read.
        """
        stopwatch = Stopwatch()
        stopwatch.seconds["take"] = arrival.take
        stopwatch.seconds["hand over"] = time.perf_counter() - arrival.arrived
        wishes = self._outputs.wishes()
        if not wishes:
            self._outputs.publish_calibration(self._calibration(), arrival.message.header)
            self._statistics.frame_was_not_wanted()
            return None
        parameters, message = self._parameters(), arrival.message
        max_pixels = parameters.max_pixels
        with stopwatch("convert in"):
            if isinstance(message, CompressedImage):
                frame, encoding = decode(message, max_pixels=max_pixels), answer_encoding(message.format)
            else:
                frame = to_array(message, max_pixels=max_pixels, blue_may_lie_first=True)
                encoding = answer_encoding(message.encoding)
        height, width, _ = frame.shape
        room = self._outputs.room(height, width, encoding) if wishes.dehazed else None
        question = Question(arrival, frame, encoding, wishes, room, stopwatch)
        self.newest_kind = question.kind
        if parameters.enabled:
            return question
        self.attenuation = math.nan
        self._publish(question, parameters, dehazed=frame if wishes.dehazed else None, mask=None, passed=True)
        return None

    def adjustment(self, question: Question) -> Adjustment:
        """Return how a frame that was read is to be restored."""
        parameters, stamp = self._parameters(), question.arrival.message.header.stamp
        steady = partial(
            self._steadying, stamp_s=stamp.sec + stamp.nanosec / 1e9, time_constant_s=parameters.smoothing_s
        )
        return Adjustment(parameters.dehaze_strength, steady if parameters.smoothing_s > 0.0 else None)

    def answer(self, question: Question, result: Result, artifact: Artifact) -> None:
        """Publish what the model says of one frame.

        Args:
            question: what `read` gave.
            result: the model's, of this frame alone; if it holds no frame without fog, that is in `question.room`.
            artifact: the model's description.

        Raises:
            BackendError: the model's fog density is not a number.
        """
        parameters = self._parameters()
        self.attenuation = math.nan if artifact.draws else _attenuation(result)
        passed = not self._gate(
            self.attenuation, opens_at=parameters.gate_attenuation, hysteresis=parameters.gate_hysteresis
        )
        dehazed = None
        if question.wishes.dehazed:
            dehazed = question.frame if passed else question.room if result.dehazed is None else result.dehazed[0]
        mask = None if result.mask is None else result.mask[0]
        self._publish(question, parameters, dehazed=dehazed, mask=mask, passed=passed)

    def _publish(
        self,
        question: Question,
        parameters: DehazeParameters,
        *,
        dehazed: NDArray[np.uint8] | None,
        mask: NDArray[np.uint8] | None,
        passed: bool,
    ) -> None:
        message = question.arrival.message
        answer = Answer(
            message=message,
            encoding=question.encoding,
            size=(question.frame.shape[0], question.frame.shape[1]),
            dehazed=dehazed,
            passed=passed,
            mask=mask,
            attenuation=self.attenuation,
            calibration=self._calibration(),
        )
        self._outputs.publish(answer, parameters, question.stopwatch)
        stamp = message.header.stamp  # not by rclpy's Time, which refuses times before 1970
        latency = self._clock.now().nanoseconds / 1e9 - (stamp.sec + stamp.nanosec / 1e9)
        self._statistics.frame_went(question.stopwatch, latency=latency, passed=passed)


def _attenuation(result: Result) -> float:
    """Return β of the frame in 1/m; a model may answer clear air with a little less than nothing."""
    attenuation = float(result.fog_density[0])
    if not np.isfinite(attenuation):
        raise BackendError(f"the model answered a fog density of {attenuation}; choose another backend or precision")
    return max(attenuation, 0.0)
