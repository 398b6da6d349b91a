"""Where points of one frame lie in another: a rotation and a translation, by a unit quaternion as ROS has it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import ConfigError

TOLERANCE = 0.01
"""How far the length of a quaternion may be from 1, as for tf2."""


@dataclass(frozen=True)
class RigidTransform:
    """Takes points of one frame into another.

    Attributes:
        rotation: [3, 3].
        translation: where the one frame's origin lies in the other, metres, [3].
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    @classmethod
    def from_numbers(cls, numbers: Sequence[float]) -> "RigidTransform":
        """Return the transform that x, y, z (metres) and the quaternion qx, qy, qz, qw describe.

        Raises:
            ConfigError: they are not seven finite numbers, or the quaternion's length is not 1.
        """
        finite = len(numbers) == 7 and all(map(math.isfinite, numbers))
        length = math.hypot(*numbers[3:]) if finite else math.nan
        if not abs(length - 1.0) <= TOLERANCE:
            raise ConfigError(
                "a transform is x, y, z, qx, qy, qz, qw: seven finite numbers, the last four a quaternion of length 1, "
                f"not {list(numbers)}; `ros2 run tf2_ros tf2_echo CAMERA LIDAR` prints them"
            )
        x, y, z, w = (number / length for number in numbers[3:])
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        return cls(rotation, np.array(numbers[:3], np.float64))

    def apply(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return points [3, N] in the other frame, in their own precision; what is not finite stays so."""
        with np.errstate(invalid="ignore", over="ignore"):
            moved: NDArray[np.floating] = self.rotation.astype(points.dtype) @ points
            moved += self.translation.astype(points.dtype)[:, None]
        return moved
