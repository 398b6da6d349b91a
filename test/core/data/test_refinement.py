"""Ray lengths follow the picture's edges, and are otherwise left as they are."""

import numpy as np
import pytest

from dfs_core.data.refinement import refine


def test_even_lengths_stay():
    image = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)
    np.testing.assert_allclose(refine(np.full((64, 128), 25.0, np.float32), image), 25.0, rtol=1e-3)


def test_sky_stays_infinitely_far_beyond_the_window():
    length = np.full((64, 128), 20.0, np.float32)
    length[:32] = np.inf
    refined = refine(length, np.full((64, 128, 3), 128, np.uint8))
    assert np.isinf(refined[:28]).all()
    assert refined[40:] == pytest.approx(20.0, rel=1e-3)


def test_an_edge_moves_to_where_the_picture_has_it():
    image = np.full((256, 512, 3), 40, np.uint8)
    image[:, 256:] = 220
    length = np.full((256, 512), 200.0, np.float32)
    length[:, 253:] = 20.0  # three pixels too early
    truth = np.where(np.arange(512) < 256, 200.0, 20.0)
    refined = refine(length, image)
    share, refined_share, true_share = (np.exp(-0.01 * values) for values in (length, refined, truth))
    assert np.abs(refined_share - true_share)[:, 253:256].mean() < 0.6 * np.abs(share - true_share)[:, 253:256].mean()


def test_nothing_comes_nearer_than_the_nearest():
    rng = np.random.default_rng(0)
    length = rng.uniform(3.0, 300.0, (64, 128)).astype(np.float32)
    refined = refine(length, rng.integers(0, 256, (64, 128, 3), np.uint8))
    assert refined.min() >= length.min() * (1 - 1e-4)
    assert not np.isnan(refined).any()
