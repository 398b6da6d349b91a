"""A depth image as an array of metres, by REP 118. Imports no ROS."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfs_ros.image_error import ImageError

Floats = NDArray[np.float32]

_TYPES = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}


def to_depth(message: Any) -> Floats:
    """Return the metres along the optical axis of a depth image, [H, W]; not a number where they are not known.

    That is so for 0 mm, and for what is negative or not a number; infinity is beyond the sensor's range.

    Args:
        message: sensor_msgs/Image, 16UC1 in millimetres or 32FC1 in metres, of rclpy or rosbags.

    Raises:
        ImageError: it has another encoding, or its sizes do not fit together.
    """
    kind = _TYPES.get(message.encoding)
    what = f"depth image '{message.encoding}' of {message.width}x{message.height} pixels"
    if kind is None:
        raise ImageError("depth encoding", f"{what}: must be 16UC1 in millimetres or 32FC1 in metres")
    row_bytes = message.width * int(kind[1])
    if row_bytes < 1 or message.step < row_bytes or len(message.data) != message.height * message.step:
        raise ImageError(
            "depth size",
            f"{what}: has step {message.step} and {len(message.data)} bytes, but needs steps of at least {row_bytes} "
            f"and {message.height} of them",
        )
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)[:, :row_bytes]
    numbers = np.ascontiguousarray(rows).view((">" if message.is_bigendian else "<") + kind)
    depth: Floats = numbers.astype(np.float32)
    if kind == "u2":
        depth /= np.float32(1000.0)
        return np.where(numbers == 0, np.float32(np.nan), depth)
    depth[~(depth > 0.0)] = np.nan
    return depth
