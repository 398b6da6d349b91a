"""A mask message as an array of class ids. Imports no ROS."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfs_ros.image_error import ImageError

_ENCODINGS = ("mono8", "8UC1")


def to_mask(message: Any) -> NDArray[np.uint8]:
    """Return the class ids of a mask, uint8 [H, W], as a read-only view of the message.

    Args:
        message: sensor_msgs/Image, mono8 or 8UC1, of rclpy or rosbags.

    Raises:
        ImageError: it has another encoding, or its sizes do not fit together.
    """
    height, width, step = message.height, message.width, message.step
    what = f"mask '{message.encoding[:40]}' of {width}x{height} pixels"
    if message.encoding not in _ENCODINGS:
        raise ImageError(
            "mask encoding", f"{what}: must be mono8, one class id per pixel; subscribe to segmentation/mask"
        )
    if width < 1 or height < 1 or step < width or len(message.data) != height * step:
        raise ImageError(
            "mask size",
            f"{what}: has step {step} and {len(message.data)} bytes, but needs a size of at least 1x1, steps of at "
            f"least {width} bytes and {height} of them",
        )
    mask = np.frombuffer(message.data, np.uint8).reshape(height, step)[:, :width]
    mask.flags.writeable = False
    return mask
