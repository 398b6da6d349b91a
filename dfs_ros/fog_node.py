"""The node that puts calibrated fog before a clear camera, to try what works on its images.

How far away things are comes from a depth image, or from the camera's place above flat ground.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dfs_core import flat_ground
from dfs_core.data.fog import Fog, apply_fog
from dfs_core.errors import FrameError
from dfs_core.optics import attenuation_from_mor
from dfs_ros.camera_info import for_image
from dfs_ros.camera_model import CameraModel
from dfs_ros.depth_message import to_depth
from dfs_ros.image_message import MAX_PIXELS, answer_encoding, decode, from_array, to_array, to_compressed
from dfs_ros.lazy_node import LazyNode, stamp_ns
from dfs_ros.middleware import run
from dfs_ros.parameters import ALWAYS, LiveParameters, parameter
from dfs_ros.synchronizer import Synchronizer

RAW, COMPRESSED = "raw", "compressed"
GROUND, DEPTH = "flat_ground", "depth"
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FogParameters:
    """What can be set on the fog node."""

    image_transport: str = parameter(
        RAW,
        "Whether frames come as Image on image_raw or as CompressedImage on image_raw/compressed.",
        one_of=(RAW, COMPRESSED),
    )
    geometry: str = parameter(
        GROUND,
        "Where distances come from: flat_ground, by camera_height and camera_pitch, or depth, an image on topic depth.",
        one_of=(GROUND, DEPTH),
    )
    rectified: bool = parameter(False, "Whether images are rectified: then P of camera_info holds, without distortion.")
    max_interval_ms: float = parameter(
        0.0,
        "How far the stamp of a depth image may lie from the frame's, in milliseconds; 0: exactly equal.",
        at_least=0.0,
    )
    mor_m: float = parameter(
        100.0, "Visibility (meteorological optical range) in metres; fog is below 1000.", above=0.0, settable=ALWAYS
    )
    attenuation: float = parameter(
        0.0, "Attenuation coefficient in 1/m; 0: what mor_m means.", at_least=0.0, at_most=10.0, settable=ALWAYS
    )
    airlight: tuple[float, ...] = parameter(
        (0.80, 0.81, 0.82), "RGB of endless fog, 0 to 1.", at_least=0.0, at_most=1.0, length=3, settable=ALWAYS
    )
    noise: float = parameter(
        0.0, "Standard deviation of the sensor's noise, 0 to 1.", at_least=0.0, at_most=1.0, settable=ALWAYS
    )
    camera_height: float = parameter(1.4, "Metres from the ground to the camera.", above=0.0, settable=ALWAYS)
    camera_pitch: float = parameter(
        0.0, "How far the camera looks down, in radians.", at_least=-1.5, at_most=1.5, settable=ALWAYS
    )
    unknown_depth: float = parameter(
        math.inf,
        "Metres along a ray where a depth image knows none; infinite, as in the sky.",
        above=0.0,
        settable=ALWAYS,
    )
    jpeg_quality: int = parameter(90, "JPEG quality of compressed output.", at_least=1, at_most=100, settable=ALWAYS)
    max_pixels: int = parameter(MAX_PIXELS, "Larger images are refused as corrupt.", at_least=1, settable=ALWAYS)


class FogNode(LazyNode):
    """Answers each frame with the same in fog, and with its calibration."""

    def __init__(self) -> None:
        """Offer the outputs.

        Raises:
            ConfigError: a parameter has the wrong type or is out of range.
        """
        super().__init__("fog_node")
        self._live = LiveParameters(self, FogParameters, is_configured=lambda: True)
        parameters = self._live.values
        self._calibration: CameraInfo | None = None
        self._rays: tuple[object, Floats] | None = None
        self._rng = np.random.default_rng(0)
        self._foggy = self.offer(Image, "~/image_foggy")
        self._compressed = self.offer(CompressedImage, "~/image_foggy/compressed")
        self._camera_info = self.offer(CameraInfo, "~/camera_info")
        inputs = ("frame", "depth") if parameters.geometry == DEPTH else ("frame",)
        self._synchronizer = Synchronizer[Image | CompressedImage](
            inputs, self._matched, tolerance_ns=round(parameters.max_interval_ms * 1e6)
        )
        self.hear(CameraInfo, "camera_info", self._calibration_came)
        kind, topic = (Image, "image_raw")
        if parameters.image_transport == COMPRESSED:
            kind, topic = (CompressedImage, "image_raw/compressed")
        self.hear(kind, topic, lambda message: self._synchronizer.put("frame", stamp_ns(message), message))
        if parameters.geometry == DEPTH:
            self.hear(Image, "depth", lambda message: self._synchronizer.put("depth", stamp_ns(message), message))

    def on_sleep(self) -> None:
        """Forget frames that wait: none is wanted later."""
        self._synchronizer.clear()

    def _calibration_came(self, message: CameraInfo) -> None:
        self._calibration = message

    def _matched(self, messages: Sequence[Image | CompressedImage]) -> None:
        with self.survives("frame"):
            self._answer(*messages)

    def _answer(self, message: Image | CompressedImage, depth: Image | None = None) -> None:
        """Publish a frame in fog, if anybody wants to see it, and its calibration."""
        calibration = self._calibration
        if calibration is None:
            raise FrameError("no camera_info has come yet, which tells how the camera sees; remap it to the camera's")
        if self._foggy.get_subscription_count() or self._compressed.get_subscription_count():
            self._publish_foggy(message, depth, calibration)
        self._camera_info.publish(for_image(calibration, message.header))

    def _publish_foggy(self, message: Image | CompressedImage, depth: Image | None, calibration: CameraInfo) -> None:
        parameters = self._live.values
        is_raw = isinstance(message, Image)
        frame = (to_array if is_raw else decode)(message, max_pixels=parameters.max_pixels)
        length = self._ray_length(frame.shape[:2], calibration, depth)
        attenuation = parameters.attenuation or attenuation_from_mor(parameters.mor_m)
        red, green, blue = parameters.airlight
        fog = Fog(attenuation, (red, green, blue), noise=parameters.noise)
        foggy = apply_fog(frame, length, fog, self._rng).hazy
        encoding = answer_encoding(message.encoding) if is_raw else "rgb8"
        if self._foggy.get_subscription_count():
            self._foggy.publish(from_array(foggy, message.header, encoding, Image))
        if self._compressed.get_subscription_count():
            quality = parameters.jpeg_quality
            self._compressed.publish(to_compressed(foggy, message.header, CompressedImage, quality, encoding=encoding))

    def _ray_length(self, size: tuple[int, ...], calibration: CameraInfo, depth: Image | None) -> Floats:
        """Return metres along each ray, [H, W]."""
        parameters, rays = self._live.values, self._rays_of(size, calibration)
        if depth is None:
            return flat_ground.ray_length(rays, height_m=parameters.camera_height, pitch_rad=parameters.camera_pitch)
        metres = to_depth(depth)
        if metres.shape != size:
            raise FrameError(
                f"depth image is of {depth.width}x{depth.height} pixels, the frame of {size[1]}x{size[0]}; "
                "register it to the camera, for instance by depth_image_proc"
            )
        length = metres * flat_ground.stretch(rays)
        length[np.isnan(length)] = parameters.unknown_depth
        return length

    def _rays_of(self, size: tuple[int, ...], calibration: CameraInfo) -> Floats:
        """Return the rays of a camera, computed when its calibration changes."""
        key = (size, _sight(calibration))
        if self._rays is None or self._rays[0] != key:
            height, width = size
            model = CameraModel.from_message(
                calibration, height=height, width=width, rectified=self._live.values.rectified
            )
            self._rays = key, model.rays()
        return self._rays[1]


def _sight(info: CameraInfo) -> tuple[object, ...]:
    """Return what a calibration says, but for its header."""
    region = info.roi
    sizes = (info.width, info.height, info.binning_x, info.binning_y)
    parts = (region.x_offset, region.y_offset, region.width, region.height)
    return (*sizes, *parts, info.distortion_model, tuple(info.d), tuple(info.k), tuple(info.p))


def main() -> int:
    """Run the node until it is interrupted."""
    return run(FogNode)


if __name__ == "__main__":
    sys.exit(main())
