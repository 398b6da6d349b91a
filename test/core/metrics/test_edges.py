"""Visible edges of hand-made pictures, and beside Köhler's method done to the letter."""

import cv2
import numpy as np
import pytest

from dfs_core.metrics.edges import visible_edges


def halves(left, right, *, size=(40, 48), at=21):
    picture = np.full(size, left, np.uint8)
    picture[:, at:] = right
    return picture


def koehler(picture, window=7, step=4):
    """Return the visible edges at 5 %, from the paper's definition: in every window each whole number is tried."""
    found = np.zeros(picture.shape, bool)
    values = np.maximum(picture, 1).astype(float)
    for top in range(0, picture.shape[0], step):
        for left in range(0, picture.shape[1], step):
            part = values[top : top + window, left : left + window]
            pairs = [((i - 1, j), (i, j)) for i in range(1, part.shape[0]) for j in range(part.shape[1])]
            pairs += [((i, j - 1), (i, j)) for i in range(part.shape[0]) for j in range(1, part.shape[1])]
            ends = np.array([sorted((part[first], part[second])) for first, second in pairs])
            best, chosen = 0.0, []
            for s in range(int(part.min()), int(part.max())):
                apart = (ends[:, 0] <= s) & (s < ends[:, 1])
                dark, light = ends[apart].T
                contrast = np.minimum((s - dark) / s, (light - s) / light).mean() if apart.any() else 0.0
                if contrast > best:
                    best, chosen = contrast, [pair for pair, is_apart in zip(pairs, apart, strict=True) if is_apart]
            if best > 0.025:
                for pair in chosen:
                    for row, column in pair:
                        found[top + row, left + column] = True
    return found


@pytest.mark.parametrize(("left", "right"), [(100, 110), (110, 100), (180, 200), (30, 60), (1, 255), (0, 255)])
def test_a_step_of_more_than_5_per_cent_is_seen_on_both_its_sides(left, right):
    edges = visible_edges(halves(left, right), 0.05)
    expected = np.zeros((40, 48), bool)
    expected[:, 20:22] = True
    np.testing.assert_array_equal(edges, expected)
    np.testing.assert_array_equal(visible_edges(halves(left, right).T, 0.05), expected.T)


@pytest.mark.parametrize("at", range(17, 26))
def test_it_matters_not_where_in_the_windows_a_step_lies(at):
    edges = visible_edges(halves(100, 120, at=at), 0.05)
    assert np.flatnonzero(edges.any(axis=0)).tolist() == [at - 1, at]
    assert edges.sum() == 80


@pytest.mark.parametrize(("left", "right"), [(100, 104), (200, 208), (7, 7), (10, 11), (0, 1)])
def test_a_weaker_step_or_one_of_a_single_level_is_not_seen(left, right):
    assert not visible_edges(halves(left, right), 0.05).any()


def test_the_threshold_is_the_callers():
    assert visible_edges(halves(100, 104), 0.02).any()
    assert not visible_edges(halves(100, 110), 0.2).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2), (9, 13)])
def test_pictures_smaller_than_a_window_have_edges_too(size):
    picture = np.full(size, 100, np.uint8)
    picture[..., size[1] // 2 :] = 200
    edges = visible_edges(picture, 0.05)
    assert edges.shape == size
    assert edges.sum() == (2 * size[0] if size[1] > 1 else 0)


@pytest.mark.parametrize("seed", range(4))
def test_it_finds_about_as_much_as_trying_every_threshold(seed):
    rng = np.random.default_rng(seed)
    picture = np.full((96, 128), 120, np.float32)
    for _ in range(25):
        center, axes = rng.integers(0, 128, 2).tolist(), rng.integers(4, 30, 2).tolist()
        cv2.ellipse(picture, center, axes, rng.uniform(0, 180), 0, 360, rng.uniform(60, 220), -1)
    noisy = np.clip(cv2.GaussianBlur(picture, (0, 0), 1.0) + rng.normal(0, 1.5, picture.shape), 0, 255)
    picture = np.rint(noisy).astype(np.uint8)
    ours, theirs = visible_edges(picture, 0.05), koehler(picture)
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.15)
    assert (ours & theirs).sum() / (ours | theirs).sum() > 0.6
