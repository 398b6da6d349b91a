"""What the worker does with an image message: read it, ask the model, publish the answer."""

import math
import time
from collections.abc import Callable

import numpy as np
from rclpy.clock import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage

from dfs_core.errors import BackendError
from dfs_core.runtime import Dehazer, Result
from dfs_ros.camera_input import Arrival
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.image_message import answer_encoding, decode, to_array
from dfs_ros.outputs import Answer, Outputs, Wishes
from dfs_ros.statistics import Statistics, Stopwatch


class Dehazing:
    """Answers one image message after the other; to be called by the worker alone."""

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
        self.attenuation = math.nan  # before the first frame, and of models that do not tell it

    def __call__(self, dehazer: Dehazer, arrival: Arrival) -> None:
        """Answer one message.

        Raises:
            ImageError: the message cannot be read.
            BackendError: the model failed.
        """
        stopwatch = Stopwatch()
        stopwatch.seconds["take"] = arrival.take
        stopwatch.seconds["hand over"] = time.perf_counter() - arrival.arrived
        wishes = self._outputs.wishes()
        if not wishes:
            self._outputs.publish_calibration(self._calibration(), arrival.message.header)
            self._statistics.frame_was_not_wanted()
            return
        parameters, message = self._parameters(), arrival.message
        with stopwatch("convert in"):
            if isinstance(message, CompressedImage):
                frame, encoding = decode(message, max_pixels=parameters.max_pixels), "rgb8"
            else:
                frame = to_array(message, max_pixels=parameters.max_pixels)
                encoding = answer_encoding(message.encoding)
        with stopwatch("model"):
            result = dehazer(frame[None], dehaze=wishes.dehazed, segment=wishes.mask)
        self.attenuation = math.nan if dehazer.artifact.draws else _attenuation(result)
        passed = self.attenuation < parameters.gate_attenuation
        answer = Answer(
            message=message,
            encoding=encoding,
            size=(frame.shape[0], frame.shape[1]),
            dehazed=_wanted_frame(frame, result, wishes, passed=passed),
            passed=passed,
            mask=None if result.mask is None else result.mask[0],
            attenuation=self.attenuation,
            calibration=self._calibration(),
        )
        self._outputs.publish(answer, parameters, stopwatch)
        stamp = message.header.stamp  # not by rclpy's Time, which refuses times before 1970
        latency = self._clock.now().nanoseconds / 1e9 - (stamp.sec + stamp.nanosec / 1e9)
        self._statistics.frame_went(stopwatch, latency=latency, passed=passed)


def _attenuation(result: Result) -> float:
    """Return β of the frame in 1/m; a model may answer clear air with a little less than nothing."""
    attenuation = float(result.fog_density[0])
    if not np.isfinite(attenuation):
        raise BackendError(f"the model answered a fog density of {attenuation}; choose another backend or precision")
    return max(attenuation, 0.0)


def _wanted_frame(frame: np.ndarray, result: Result, wishes: Wishes, *, passed: bool) -> np.ndarray | None:
    """Return the frame to show: as it came where the air is clear, else without its fog."""
    if not wishes.dehazed or result.dehazed is None:
        return None
    return frame if passed else result.dehazed[0]
