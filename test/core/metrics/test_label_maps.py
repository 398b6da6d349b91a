"""Figures of label maps against scikit-image on the very numbers that the poster worked on."""

import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dfs_core.labels import CAMVID_11
from dfs_core.metrics.label_maps import map_psnr, map_ssim, poster_psnr, poster_ssim


@pytest.fixture
def maps():
    """A true map with a strip that has no label, and what was painted: a little off, blurred, and never black."""
    rng = np.random.default_rng(0)
    labels = cv2.resize(rng.integers(0, 11, (6, 8), np.uint8), (96, 72), interpolation=cv2.INTER_NEAREST)
    guessed = np.roll(labels, 2, axis=1)
    labels[-6:] = 255
    return cv2.GaussianBlur(CAMVID_11.colorize(guessed), (0, 0), 0.8), CAMVID_11.colorize(labels)


def similarity(painted, truth, data_range):
    return structural_similarity(
        painted, truth, channel_axis=2, gaussian_weights=True, use_sample_covariance=False, data_range=data_range
    )


def test_correct_figures(maps):
    painted, truth = maps
    assert map_psnr(painted, truth) == pytest.approx(peak_signal_noise_ratio(truth, painted, data_range=255), abs=1e-9)
    assert map_ssim(painted, truth) == pytest.approx(
        similarity(painted.astype(float), truth.astype(float), 255.0), abs=1e-6
    )


def test_figures_of_the_poster(maps):
    painted, truth = (picture / 127.5 - 1.0 for picture in maps)
    assert poster_psnr(*maps) == pytest.approx(peak_signal_noise_ratio(truth, painted, data_range=1.0), abs=1e-9)
    assert poster_psnr(*maps) == pytest.approx(map_psnr(*maps) - 6.0206, abs=1e-4)
    assert poster_ssim(*maps) == pytest.approx(similarity(painted, truth, 1.0), abs=1e-6)


def test_what_has_no_label_is_black_and_counts(maps):
    painted, truth = maps
    assert (truth[-6:] == 0).all()
    blackened = painted.copy()
    blackened[-6:] = 0
    assert map_psnr(blackened, truth) > map_psnr(painted, truth)


def test_equal_maps(maps):
    _, truth = maps
    assert map_psnr(truth, truth) == poster_psnr(truth, truth) == 100.0
    assert map_ssim(truth, truth) == poster_ssim(truth, truth) == 1.0


def test_opposite_maps_are_unlike_by_the_poster():
    black, white = np.zeros((12, 12, 3), np.uint8), np.full((12, 12, 3), 255, np.uint8)
    # means of -1 and 1, no variance: (2 · -1 · 1 + 0.01²) / (1 + 1 + 0.01²)
    assert poster_ssim(black, white) == pytest.approx(-1.9999 / 2.0001, abs=1e-6)
    assert poster_psnr(black, white) == pytest.approx(-6.0206, abs=1e-4)
