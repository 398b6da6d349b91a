"""How near one image is to another: signal-to-noise ratio and structural similarity."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray


def psnr(image: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio of two 8-bit images in dB; infinity when they are equal."""
    error = float(np.mean(np.square(image.astype(np.float32) - reference.astype(np.float32)), dtype=np.float64))
    return math.inf if error == 0.0 else 10.0 * math.log10(255.0**2 / error)


def ssim(image: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """Return the structural similarity of two 8-bit images [H, W, 3] of at least 11 x 11 pixels; 1 when they are equal.

    It is the mean over the channels and over the pixels whose window lies within the image.

    Source: Z. Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", TIP 2004: a
    Gaussian window of 11 x 11 with σ = 1.5, K1 = 0.01, K2 = 0.03.
    """
    first, second = image.astype(np.float64), reference.astype(np.float64)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return cv2.GaussianBlur(values, (11, 11), 1.5)[5:-5, 5:-5]

    mean_first, mean_second = mean(first), mean(second)
    covariance = mean(first * second) - mean_first * mean_second
    variances = mean(first**2) - mean_first**2 + mean(second**2) - mean_second**2
    luminance, structure = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    shares = (2 * mean_first * mean_second + luminance) / (mean_first**2 + mean_second**2 + luminance)
    return float(np.mean(shares * (2 * covariance + structure) / (variances + structure)))
