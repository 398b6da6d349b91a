"""Where a camera sees a point, and along which ray a pixel looks, by its sensor_msgs/CameraInfo. Imports no ROS."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import FrameError

PINHOLE_MODELS = {"": (0, 4, 5), "plumb_bob": (0, 4, 5), "rational_polynomial": (8, 12, 14)}
"""Distortion models of OpenCV's pinhole camera, and how many coefficients each may have."""

FISHEYE_MODELS = ("equidistant", "fisheye")

Matrix = NDArray[np.float64]


class CalibrationError(FrameError):
    """A CameraInfo does not say how its camera sees, or in a way that is not known."""


@dataclass(frozen=True)
class CameraModel:
    """A camera's way from space to pixels; whole coordinates are the centres of pixels.

    Attributes:
        height, width: of its images.
        matrix: intrinsic matrix for that size, [3, 3].
        distortion: coefficients in the order of CameraInfo; empty: none.
        is_fisheye: whether they are of the equidistant model.
        reach: the largest tangent (of a fisheye camera: angle in radians) from the optical axis up to which the
            distorted picture grows with the angle. Beyond, the polynomial folds it back over itself.
    """

    height: int
    width: int
    matrix: Matrix
    distortion: Matrix
    is_fisheye: bool
    reach: float

    @classmethod
    def from_message(cls, info: Any, *, height: int, width: int, rectified: bool) -> "CameraModel":
        """Return the model of a camera for images of a size, which may be scaled ones.

        Args:
            info: sensor_msgs/CameraInfo, of rclpy or rosbags.
            height: of the image that it goes with.
            width: of that image.
            rectified: whether the images are rectified ones: then P holds, and there is no distortion.

        Raises:
            CalibrationError: it is not calibrated, or has a distortion model that is not known.
        """
        matrix = _matrix(info, rectified=rectified)
        across, down = _binning(info.binning_x), _binning(info.binning_y)
        own_width, own_height = (info.roi.width or info.width) // across, (info.roi.height or info.height) // down
        if own_width < 1 or own_height < 1:
            raise CalibrationError(f"CameraInfo is of an image of {own_width}x{own_height} pixels; check the driver")
        matrix[0, 2] -= info.roi.x_offset
        matrix[1, 2] -= info.roi.y_offset
        # pixel centres lie at whole coordinates, so the picture's corner is at -0.5
        for row, factor in ((0, width / own_width / across), (1, height / own_height / down)):
            matrix[row, :2] *= factor
            matrix[row, 2] = (matrix[row, 2] + 0.5) * factor - 0.5
        distortion = np.empty(0) if rectified else _distortion(info)
        is_fisheye = info.distortion_model in FISHEYE_MODELS
        if is_fisheye and distortion.size:
            return cls(height, width, matrix, distortion, True, _fisheye_reach(distortion))
        return cls(height, width, matrix, distortion, False, _pinhole_reach(distortion))

    def project(self, points: NDArray[np.floating]) -> Matrix:
        """Return the pixel (x, y) at which each point is seen, [N, 2]; not a number where none can.

        Args:
            points: in the camera's optical frame (x right, y down, z forward), metres, [N, 3].
        """
        x, y, z = points.T
        columns, rows = pixels = np.full((2, len(points)), np.nan)  # one array a coordinate: numpy is quickest so
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            x, y = x / z, y / z
            radius = np.sqrt(x * x + y * y)
            angle = np.arctan(radius) if self.is_fisheye else radius
            visible = np.flatnonzero((z > 0.0) & (z < np.inf) & (angle < self.reach) & np.isfinite(radius))
        if visible.size:
            columns[visible], rows[visible] = self._distort(np.stack((x[visible], y[visible])).astype(np.float64))
        return pixels.T

    def rays(self) -> NDArray[np.float32]:
        """Return x / z and y / z of the ray of each pixel, [H, W, 2]; not a number where OpenCV finds none."""
        grid = np.stack(np.meshgrid(np.arange(self.width), np.arange(self.height)), axis=-1).astype(np.float64)
        if not self.distortion.size:
            x = (grid[..., 0] - self.matrix[0, 2]) / self.matrix[0, 0]
            y = (grid[..., 1] - self.matrix[1, 2]) / self.matrix[1, 1]
            return np.stack((x, y), axis=-1).astype(np.float32)
        flat = grid.reshape(-1, 1, 2)
        if self.is_fisheye:
            rays = cv2.fisheye.undistortPoints(flat, self.matrix, self.distortion)
        else:
            rays = cv2.undistortPoints(flat, self.matrix, self.distortion)
        return np.asarray(rays, np.float32).reshape(self.height, self.width, 2)

    def _distort(self, tangents: Matrix) -> Matrix:
        """Return the pixels (x, y) of points that lie at x / z and y / z, both [2, N]."""
        if not self.is_fisheye and self.distortion.size <= 8:
            # cv2.projectPoints gives the same, and its derivatives by all parameters, which take most of the time
            bent = _bent(tangents, self.distortion) if self.distortion.size else tangents
            return bent * self.matrix[[0, 1], [0, 1]][:, None] + self.matrix[:2, 2:]
        points = np.stack((*tangents, np.ones(tangents.shape[1])), axis=1)[:, None]
        still = np.zeros(3)
        if self.is_fisheye:
            pixels, _ = cv2.fisheye.projectPoints(points, still, still, self.matrix, self.distortion)
        else:
            pixels, _ = cv2.projectPoints(points, still, still, self.matrix, self.distortion)
        return np.asarray(pixels, np.float64).reshape(-1, 2).T


def _matrix(info: Any, *, rectified: bool) -> Matrix:
    """Return the intrinsic matrix of the whole sensor."""
    name, numbers = ("P", info.p) if rectified else ("K", info.k)
    matrix = np.asarray(numbers, np.float64).reshape(3, -1)[:, :3].copy()
    focal = matrix[[0, 1], [0, 1]]
    if not (np.isfinite(matrix).all() and (focal > 0.0).all()):
        raise CalibrationError(
            f"CameraInfo has focal lengths {focal[0]:g} and {focal[1]:g} in {name}, so the camera is not calibrated; "
            "calibrate it, for instance by `ros2 run camera_calibration cameracalibrator`"
        )
    return matrix


def _distortion(info: Any) -> Matrix:
    """Return the distortion coefficients; empty if all are 0."""
    model, numbers = info.distortion_model, np.asarray(info.d, np.float64)
    allowed = (4,) if model in FISHEYE_MODELS else PINHOLE_MODELS.get(model)
    if allowed is None:
        known = ", ".join(name for name in (*PINHOLE_MODELS, *FISHEYE_MODELS) if name)
        raise CalibrationError(
            f"CameraInfo has the distortion model '{model}', known are {known}; rectify the images and set rectified"
        )
    if numbers.size not in allowed or not np.isfinite(numbers).all():
        counts = " or ".join(map(str, allowed))
        raise CalibrationError(
            f"CameraInfo needs {counts} finite distortion coefficients for '{model}', not {numbers.tolist()}; "
            "calibrate the camera again"
        )
    return numbers if numbers.any() or model in FISHEYE_MODELS else np.empty(0)


def _binning(number: int) -> int:
    """Return every how-manyth pixel is there."""
    return max(1, number)  # 0 means the same as 1


def _bent(tangents: Matrix, distortion: Matrix) -> Matrix:
    """Return tangents [2, N] as a lens with up to eight coefficients bends them."""
    k1, k2, p1, p2, k3, k4, k5, k6 = _first_eight(distortion)
    x, y = tangents
    square = x * x + y * y
    radial = (1.0 + square * (k1 + square * (k2 + square * k3))) / (1.0 + square * (k4 + square * (k5 + square * k6)))
    across = x * radial + 2.0 * p1 * x * y + p2 * (square + 2.0 * x * x)
    down = y * radial + p1 * (square + 2.0 * y * y) + 2.0 * p2 * x * y
    return np.stack((across, down))


def _first_eight(distortion: Matrix) -> Matrix:
    """Return k1, k2, p1, p2, k3, k4, k5, k6; 0 for those that are not given."""
    return np.pad(distortion[:8], (0, 8 - min(8, distortion.size)))


def _pinhole_reach(distortion: Matrix) -> float:
    """Return where r (1 + k1 r² + k2 r⁴ + k3 r⁶) / (1 + k4 r² + k5 r⁴ + k6 r⁶) stops to grow with r."""
    if not distortion.size:
        return math.inf
    k1, k2, _, _, k3, k4, k5, k6 = _first_eight(distortion)
    upper, lower = np.polynomial.Polynomial([1.0, k1, k2, k3]), np.polynomial.Polynomial([1.0, k4, k5, k6])
    square = np.polynomial.Polynomial([0.0, 1.0])
    growth = upper * lower + 2.0 * square * (upper.deriv() * lower - upper * lower.deriv())
    return math.sqrt(min(_first_root(growth), _first_root(lower)))


def _fisheye_reach(distortion: Matrix) -> float:
    """Return where θ (1 + k1 θ² + k2 θ⁴ + k3 θ⁶ + k4 θ⁸) stops to grow with θ."""
    k1, k2, k3, k4 = distortion
    return math.sqrt(_first_root(np.polynomial.Polynomial([1.0, 3.0 * k1, 5.0 * k2, 7.0 * k3, 9.0 * k4])))


def _first_root(polynomial: np.polynomial.Polynomial) -> float:
    """Return the smallest real root above 0, infinity if there is none."""
    roots = polynomial.trim().roots()
    real = roots.real[np.abs(roots.imag) < 1e-9 * np.maximum(1.0, np.abs(roots))]
    return float(min(real[real > 0.0], default=math.inf))
