"""How far away things are for a camera above flat, endless ground, under a sky without end."""

import math

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import FogError

Floats = NDArray[np.float32]


def ray_length(rays: Floats, *, height_m: float, pitch_rad: float) -> Floats:
    """Return the metres along each ray to the ground, [H, W]; infinity above the horizon.

    Args:
        rays: x / z and y / z of each pixel's ray in the camera's optical frame (x right, y down, z forward), [H, W, 2];
            not a number where a pixel sees nothing.
        height_m: metres from the ground to the camera.
        pitch_rad: how far the camera looks down, in radians; negative: up.

    Raises:
        FogError: the height is not above 0, or the pitch is not a right angle's less.
    """
    if not (height_m > 0.0 and math.isfinite(height_m)):
        raise FogError(f"camera height must be finite and above 0 m, not {height_m}")
    if not abs(pitch_rad) < math.pi / 2:
        raise FogError(f"camera pitch must be between -π/2 and π/2 rad, not {pitch_rad}")
    down = rays[..., 1] * np.float32(math.cos(pitch_rad)) + np.float32(math.sin(pitch_rad))
    length = np.full(down.shape, np.inf, np.float32)
    np.divide(stretch(rays) * np.float32(height_m), down, out=length, where=down > 0.0)
    return length


def stretch(rays: Floats) -> Floats:
    """Return how much longer each ray is than its part along the optical axis, at least 1, [H, W].

    Args:
        rays: x / z and y / z of each pixel's ray, [H, W, 2].
    """
    return np.sqrt(1.0 + rays[..., 0] ** 2 + rays[..., 1] ** 2)
