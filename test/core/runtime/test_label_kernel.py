"""The compiled mask of class scores, against scores that are resized whole and in double precision."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="needs numba: install the extra [cpu]")

from dfs_core.runtime.frame_kernels import FrameKernels
from dfs_core.runtime.restoration import bilinear_taps


@pytest.fixture
def kernels():
    """Return the kernels with two threads."""
    made = FrameKernels(2)
    yield made
    made.close()


def resized(scores, height, width):
    """Return scores [C, h, w] in double precision."""
    rows, columns = bilinear_taps(scores.shape[1], height), bilinear_taps(scores.shape[2], width)
    scores, down = scores.astype(np.float64), rows.weight.astype(np.float64)[:, None]
    scores = scores[:, rows.first] * (1.0 - down) + scores[:, rows.second] * down
    return scores[:, :, columns.first] * (1.0 - columns.weight) + scores[:, :, columns.second] * columns.weight


@pytest.mark.parametrize(
    ("classes", "size", "target"),
    [
        (12, (17, 30), (68, 120)),
        (12, (68, 120), (272, 480)),
        (19, (9, 7), (9, 7)),
        (1, (4, 4), (16, 16)),
        (3, (8, 8), (3, 5)),
    ],
)
def test_mask_is_the_highest_of_the_resized_scores(kernels, classes, size, target):
    scores = np.random.default_rng(0).normal(size=(2, classes, *size)).astype(np.float32)
    masks = kernels.label(scores, *target)
    assert masks.shape == (2, *target)
    assert masks.dtype == np.uint8
    for mask, planes in zip(masks, scores, strict=True):
        expected = resized(planes, *target)
        found = np.take_along_axis(expected, mask[None].astype(np.int64), axis=0)[0]
        assert (found >= expected.max(axis=0) - 1e-6).all()


def test_first_of_equal_classes_is_taken(kernels):
    scores = np.zeros((1, 3, 4, 4), np.float32)
    scores[:, 1:] = 1.0
    assert (kernels.label(scores, 16, 16) == 1).all()


def test_a_class_that_wins_between_others_is_found(kernels):
    """Left and right differ, and a third class that is second at both is first in the middle."""
    scores = np.array([[[[9.0, 0.0]], [[0.0, 9.0]], [[6.0, 6.0]]]], np.float32)
    assert kernels.label(scores, 1, 8)[0, 0].tolist() == [0, 0, 0, 2, 2, 1, 1, 1]
