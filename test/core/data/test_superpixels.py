"""Superpixels of pictures whose patches are known."""

import cv2
import numpy as np
import pytest

from dfs_core.data.superpixels import superpixels


def test_without_colours_to_follow_the_patches_are_the_grid():
    patches, features = superpixels(np.full((24, 32, 3), 90, np.uint8), cell=8)
    expected = np.arange(12).reshape(3, 4).repeat(8, axis=0).repeat(8, axis=1)
    np.testing.assert_array_equal(patches, expected)
    # Centre of the second cell: x = 11.5, y = 3.5, each times 10 / 8.
    np.testing.assert_allclose(features[1, 3:], np.array([11.5, 3.5]) * 10 / 8, rtol=1e-6)


def test_no_patch_crosses_a_strong_edge():
    y, x = np.indices((64, 96))
    right = x > 40 + 0.4 * y
    image = np.where(right[..., None], (220, 40, 40), (20, 60, 200)).astype(np.uint8)
    patches, _ = superpixels(image, cell=8)
    share = np.bincount(patches.ravel(), right.ravel()) / np.maximum(np.bincount(patches.ravel()), 1)
    assert set(share[np.unique(patches)]) == {0.0, 1.0}


def test_features_are_the_means_of_the_patches():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    patches, features = superpixels(image, cell=8)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    for number in np.unique(patches):
        np.testing.assert_allclose(features[number, :3], lab[patches == number].mean(axis=0), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("size", [(30, 45), (5, 3), (8, 17)])
def test_any_size_is_covered(size):
    patches, features = superpixels(np.zeros((*size, 3), np.uint8), cell=8)
    assert patches.shape == size
    assert 0 <= patches.min() <= patches.max() < len(features)
