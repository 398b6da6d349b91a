"""PSNR and SSIM against other libraries and by hand."""

import math

import cv2
import numpy as np
import pytest

from dfs_core.metrics.image import psnr, ssim


def test_psnr_equals_opencv():
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 256, (20, 30, 3), np.uint8) for _ in range(2))
    assert psnr(first, second) == pytest.approx(cv2.PSNR(first, second), abs=1e-4)


def test_psnr_of_equal_images_is_infinite():
    image = np.zeros((4, 4, 3), np.uint8)
    assert psnr(image, image) == math.inf


def test_ssim_is_the_mean_over_windows_within_the_image():
    rng = np.random.default_rng(0)
    first = cv2.GaussianBlur(rng.integers(0, 256, (13, 15, 3), np.uint8), (0, 0), 2)
    second = np.clip(0.7 * first + rng.normal(40, 8, first.shape), 0, 255).astype(np.uint8)
    share = np.exp(-np.square(np.arange(-5, 6)) / (2 * 1.5**2))
    weights = np.outer(share, share) / share.sum() ** 2
    found = []
    for channel, top, left in np.ndindex(3, 3, 5):
        x, y = (image[top : top + 11, left : left + 11, channel].ravel().astype(float) for image in (first, second))
        mean_x, mean_y = (np.average(values, weights=weights.ravel()) for values in (x, y))
        (var_x, cov), (_, var_y) = np.cov(x, y, aweights=weights.ravel(), bias=True)
        numerator = (2 * mean_x * mean_y + 2.55**2) * (2 * cov + 7.65**2)
        found.append(numerator / ((mean_x**2 + mean_y**2 + 2.55**2) * (var_x + var_y + 7.65**2)))
    assert ssim(first, second) == pytest.approx(np.mean(found), abs=1e-9)


def test_ssim_of_equal_images_is_one():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert ssim(image, image) == pytest.approx(1.0)
