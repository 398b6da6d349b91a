"""How near one image is to another: signal-to-noise ratio and structural similarity."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import DatasetError

HIGHEST_PSNR = 100.0
"""What equal images count as where many are averaged, dB: their true value, infinity, would be the mean of all."""

Image = NDArray[np.uint8]

_WINDOW, _SIGMA = 11, 1.5
_BORDER = _WINDOW // 2
_BAND = 64
"""Rows that are worked on at a time, so that all of it stays in the processor's cache."""


def psnr(image: Image, reference: Image) -> float:
    """Return the peak signal-to-noise ratio of two 8-bit images in dB; infinity when they are equal.

    Raises:
        DatasetError: they differ in size.
    """
    _refuse_sizes(image, reference)
    error = cv2.norm(image, reference, cv2.NORM_L2SQR) / image.size
    return math.inf if error == 0.0 else 10.0 * math.log10(255.0**2 / error)


def ssim(image: Image, reference: Image, *, zero: float = 0.0, data_range: float = 255.0) -> float:
    """Return the structural similarity of two 8-bit images [H, W, 3]; 1 when they are equal.

    It is the mean over the channels and over the pixels whose window lies within the image.

    Args:
        image: of at least 11 x 11 pixels.
        reference: of the same size.
        zero: which grey value is darkness.
        data_range: between the darkest and the lightest grey value.

    Raises:
        DatasetError: they differ in size, or no window fits into them.

    Source: Z. Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", TIP 2004: a
    Gaussian window of 11 x 11 with σ = 1.5, K1 = 0.01, K2 = 0.03.
    """
    _refuse_sizes(image, reference)
    height, width = image.shape[:2]
    if min(height, width) < _WINDOW:
        raise DatasetError(f"images {list(image.shape)} are smaller than SSIM's window of {_WINDOW} x {_WINDOW} pixels")
    total = 0.0
    for top in range(0, height - 2 * _BORDER, _BAND):
        rows = slice(top, top + _BAND + 2 * _BORDER)
        total += _sum_of_shares(image[rows], reference[rows], zero, data_range)
    return total / ((height - 2 * _BORDER) * (width - 2 * _BORDER) * image.shape[2])


def _sum_of_shares(image: Image, reference: Image, zero: float, data_range: float) -> float:
    """Return the sum of the structural similarities of a band of rows.

    Single precision is enough, though variances are small differences of large numbers: each channel's mean is taken
    off first, and each factor written as 1 less a share of how the images differ, 2 xy = x² + y² - (x - y)².
    """
    # A row of each, since NumPy is slow at adding three numbers to each pixel.
    levels = [
        np.tile(np.rint(cv2.mean(band)[:3]).astype(np.float32), (band.shape[1], 1)) for band in (image, reference)
    ]
    first, second = image - levels[0], reference - levels[1]
    difference = second - first
    mean_first, mean_difference = _window_mean(first), _window_mean(difference)
    mean_second = mean_first + mean_difference

    first *= first
    second *= second
    first += second
    contrast = _window_mean(first)
    contrast -= mean_first * mean_first
    contrast -= mean_second * mean_second
    contrast += (0.03 * data_range) ** 2
    difference *= difference
    unlike = _window_mean(difference)
    unlike -= mean_difference * mean_difference
    unlike /= contrast

    inner = slice(2 * _BORDER, None)
    mean_first += levels[0][inner] - np.float32(zero)
    mean_second += levels[1][inner] - np.float32(zero)
    mean_difference += (levels[1] - levels[0])[inner]
    luminance = mean_first * mean_first
    luminance += mean_second * mean_second
    luminance += (0.01 * data_range) ** 2
    mean_difference *= mean_difference
    mean_difference /= luminance
    return float(np.sum((1.0 - unlike) * (1.0 - mean_difference), dtype=np.float64))


def _window_mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the weighted mean of the window around each pixel whose window lies within, [H - 10, W - 10, 3]."""
    return cv2.GaussianBlur(values, (_WINDOW, _WINDOW), _SIGMA)[_BORDER:-_BORDER, _BORDER:-_BORDER]


def _refuse_sizes(image: Image, reference: Image) -> None:
    if image.shape != reference.shape:
        raise DatasetError(f"image {list(image.shape)} and reference {list(reference.shape)} must have the same size")
