"""PSNR and SSIM against other libraries and by hand."""

import math

import cv2
import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import peak_signal_noise_ratio as torchmetrics_psnr
from torchmetrics.functional.image import structural_similarity_index_measure

from dfs_core.errors import DatasetError
from dfs_core.labels import CAMVID_11
from dfs_core.metrics.image import psnr, ssim


def scene(rng, height=150, width=131):
    """Return a picture with soft shapes, hard edges and noise."""
    soft = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    image = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC).astype(float)
    image[height // 2 :, width // 3 : width // 2] = (180, 20, 30)
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


def pairs():
    """Return images that are hard to compare in single precision beside ones that are easy, by name."""
    rng = np.random.default_rng(0)
    clear = scene(rng)
    fog = np.clip(0.4 * clear + 140 + rng.normal(0, 2, clear.shape), 0, 255).astype(np.uint8)
    white = np.full_like(clear, 255)
    blown, hazy_sky = clear.copy(), fog.copy()
    blown[:70] = 255
    hazy_sky[:70] = 255 - rng.integers(0, 9, hazy_sky[:70].shape)
    regions = cv2.resize(rng.integers(0, 11, (10, 12), np.uint8), (131, 150), interpolation=cv2.INTER_NEAREST)
    return {
        "fog": (fog, clear),
        "blown sky": (hazy_sky, blown),
        "nearly white": (white - 1, white),
        "noise on white": (white - rng.integers(0, 9, white.shape, np.uint8), white),
        "black and white": (np.zeros_like(white), white),
        "plain greys": (np.full_like(white, 100), np.full_like(white, 200)),
        "label maps": (CAMVID_11.colorize(np.roll(regions, 3, axis=1)), CAMVID_11.colorize(regions)),
        "smallest": (fog[:11, :11], clear[:11, :11]),
    }


@pytest.fixture(params=list(pairs()))
def pair(request):
    return pairs()[request.param]


def planes(image):
    return torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None]


def test_psnr_equals_two_libraries(pair):
    image, reference = pair
    assert psnr(image, reference) == pytest.approx(peak_signal_noise_ratio(reference, image, data_range=255), abs=1e-9)
    expected = torchmetrics_psnr(planes(image), planes(reference), data_range=255.0)
    assert psnr(image, reference) == pytest.approx(
        expected.item(), rel=1e-6, abs=1e-6
    )  # logarithms in single precision


def test_ssim_equals_scikit_image(pair):
    image, reference = pair
    expected = structural_similarity(
        image.astype(float),
        reference.astype(float),
        channel_axis=2,
        gaussian_weights=True,
        use_sample_covariance=False,
        data_range=255.0,
    )
    assert ssim(image, reference) == pytest.approx(expected, abs=1e-6)


def test_ssim_equals_torchmetrics_within_the_image(pair):
    image, reference = pair
    _, whole = structural_similarity_index_measure(
        planes(image), planes(reference), data_range=255.0, return_full_image=True
    )
    assert ssim(image, reference) == pytest.approx(whole[..., 5:-5, 5:-5].mean().item(), abs=1e-6)


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
    assert ssim(first, second) == pytest.approx(np.mean(found), abs=1e-6)


def test_equal_images():
    image = scene(np.random.default_rng(0))
    assert psnr(image, image) == math.inf
    assert ssim(image, image) == 1.0


def test_a_part_of_an_image_is_compared_as_its_copy_is():
    rng = np.random.default_rng(0)
    first, second = scene(rng), scene(rng)
    part = np.s_[20:60, 30:90, ::-1]
    copies = np.ascontiguousarray(first[part]), np.ascontiguousarray(second[part])
    assert psnr(first[part], second[part]) == psnr(*copies)
    assert ssim(first[part], second[part]) == ssim(*copies)


@pytest.mark.parametrize("figure", [psnr, ssim])
def test_images_of_different_sizes_are_refused(figure):
    with pytest.raises(DatasetError, match=r"image \[20, 30, 3\] and reference \[20, 31, 3\] must have the same size"):
        figure(np.zeros((20, 30, 3), np.uint8), np.zeros((20, 31, 3), np.uint8))


def test_image_smaller_than_the_window_is_refused():
    image = np.zeros((10, 30, 3), np.uint8)
    with pytest.raises(DatasetError, match=r"\[10, 30, 3\] are smaller than SSIM's window of 11 x 11 pixels"):
        ssim(image, image)
