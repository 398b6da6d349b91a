"""The node that paints a point cloud with the classes that a camera's mask shows where each point is."""

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import String

from dfs_core.errors import ConfigError, FrameError
from dfs_core.labels import CAMVID_11
from dfs_ros import label_info
from dfs_ros.camera_model import CameraModel
from dfs_ros.cloud_painting import classes_seen, packed_colors, painted
from dfs_ros.lazy_node import LazyNode, stamp_ns
from dfs_ros.mask_message import to_mask
from dfs_ros.middleware import run
from dfs_ros.parameters import ALWAYS, LiveParameters, parameter
from dfs_ros.point_cloud import from_points, positions, to_points
from dfs_ros.rigid_transform import RigidTransform
from dfs_ros.synchronizer import Synchronizer
from dfs_ros.transforms import Transforms

CLOUD, MASK = "points", "segmentation/mask"
"""Topics that are brought together; the cloud leads: each is painted once, by the nearest mask."""


@dataclass(frozen=True)
class SemanticCloudParameters:
    """What can be set on the semantic cloud node."""

    transform: tuple[float, ...] = parameter(
        (0.0,) * 7,
        "What takes points of the cloud's frame into the camera's optical frame: x y z in metres, quaternion "
        "qx qy qz qw; all 0: ask tf.",
        length=7,
        settable=ALWAYS,
    )
    slop_s: float = parameter(
        0.0, "How far the stamp of a mask may lie from the cloud's, in seconds; 0: exactly equal.", at_least=0.0
    )
    rectified: bool = parameter(
        False,
        "Whether masks are of rectified images: then P of camera_info holds, without distortion.",
        settable=ALWAYS,
    )
    depth: int = parameter(10, "Clouds, and masks, that may wait for their counterpart.", at_least=1, at_most=1000)


class SemanticCloudNode(LazyNode):
    """Answers each cloud with the same, and a class id and a colour at each point."""

    def __init__(self) -> None:
        """Offer the painted cloud.

        Raises:
            ConfigError: a parameter has the wrong type or is out of range, or is needed where there is no tf2_ros.
        """
        super().__init__("semantic_cloud_node")
        self._live = LiveParameters(self, SemanticCloudParameters, is_configured=lambda: True, accept=_check_transform)
        parameters = self._live.values
        _check_transform(parameters)
        self._tf: Transforms | None = None
        self._calibration: CameraInfo | None = None
        self._colors = packed_colors(CAMVID_11)
        self._publisher = self.offer(PointCloud2, "~/points")
        self._synchronizer = Synchronizer[PointCloud2 | Image](
            (CLOUD, MASK), self._matched, tolerance_ns=round(parameters.slop_s * 1e9), depth=parameters.depth
        )
        self.hear(CameraInfo, "segmentation/camera_info", self._calibration_came)
        self.hear(String, "segmentation/label_info", self._labels_came, is_latched=True)
        self.hear(Image, MASK, lambda message: self._came(MASK, message))
        self.hear(PointCloud2, CLOUD, lambda message: self._came(CLOUD, message))

    def on_wake(self) -> None:
        """Listen to tf before the first cloud comes, if it is needed."""
        if not any(self._live.values.transform):
            with self.survives("tf"):
                self._tf = Transforms(self)

    def on_sleep(self) -> None:
        """Forget messages that wait, and tf."""
        self._synchronizer.clear()
        if self._tf is not None:
            self._tf.close()
            self._tf = None

    def _calibration_came(self, message: CameraInfo) -> None:
        self._calibration = message

    def _labels_came(self, message: String) -> None:
        self._colors = packed_colors(label_info.from_json(message.data))

    def _came(self, name: str, message: PointCloud2 | Image) -> None:
        given_up = self._synchronizer.given_up
        self._synchronizer.put(name, stamp_ns(message), message)
        if self._synchronizer.given_up > given_up:
            self.complain(
                f"{CLOUD} lost: no mask has come with a stamp within {self._live.values.slop_s:g} s of a cloud's; "
                "set the parameter slop_s to half the time between two masks, and depth to what waits meanwhile",
                subject="given up",
            )

    def _matched(self, messages: Sequence[PointCloud2 | Image]) -> None:
        with self.survives(CLOUD):
            self._answer(*messages)

    def _answer(self, cloud: PointCloud2, mask: Image) -> None:
        """Publish a cloud in the colours of a mask."""
        if self._calibration is None:
            raise FrameError(
                "no segmentation/camera_info has come yet, which tells how the camera sees; remap it to the camera's"
            )
        ids = to_mask(mask)
        height, width = ids.shape
        rectified = self._live.values.rectified
        camera = CameraModel.from_message(self._calibration, height=height, width=width, rectified=rectified)
        points = to_points(cloud)
        seen = self._transform(mask, cloud).apply(positions(points))
        answer = painted(points, classes_seen(seen, ids, camera), self._colors)
        self._publisher.publish(from_points(answer, cloud.header, is_dense=cloud.is_dense))

    def _transform(self, mask: Image, cloud: PointCloud2) -> RigidTransform:
        """Return what takes the cloud's points into the camera's frame, by the parameter, else by tf."""
        numbers = self._live.values.transform
        if any(numbers):
            return RigidTransform.from_numbers(numbers)
        if self._tf is None:  # the parameter was taken back while it runs
            self._tf = Transforms(self)
        return self._tf.look_up(target=mask.header.frame_id, source=cloud.header)


def _check_transform(parameters: SemanticCloudParameters) -> None:
    """Refuse a transform that is none, and the lack of one where there is no tf."""
    if any(parameters.transform):
        RigidTransform.from_numbers(parameters.transform)
    elif importlib.util.find_spec("tf2_ros") is None:
        raise ConfigError(
            "parameter transform is not set, and tf2_ros, which would be asked instead, is not installed; set "
            "-p transform:='[x, y, z, qx, qy, qz, qw]', which takes the cloud's points into the camera's optical frame"
        )


def main() -> int:
    """Run the node until it is interrupted."""
    return run(SemanticCloudNode)


if __name__ == "__main__":
    sys.exit(main())
