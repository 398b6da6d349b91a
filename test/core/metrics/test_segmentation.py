"""Intersections over unions against hand-made masks and other libraries."""

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from dfs_core.errors import LabelError
from dfs_core.metrics.segmentation import confusion, intersection_over_union, mean_iou


def test_confusion_by_hand():
    labels = np.array([[0, 0, 1, 255]], np.uint8)
    mask = np.array([[0, 1, 1, 0]], np.uint8)
    assert confusion(mask, labels, 2).tolist() == [[1, 1], [0, 1]]


def test_iou_by_hand():
    matrix = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(intersection_over_union(matrix), [0.5, 0.5, np.nan])
    assert mean_iou(matrix) == 0.5


def test_class_that_is_only_predicted_does_not_enter_the_mean():
    matrix = np.array([[3, 1], [0, 0]])
    assert mean_iou(matrix) == 0.75


def test_mean_iou_equals_torchmetrics():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, (40, 50), np.uint8)
    mask = np.where(rng.random((40, 50)) < 0.6, labels, rng.integers(0, 5, (40, 50))).astype(np.uint8)
    labels[rng.random((40, 50)) < 0.1] = 255
    expected = MulticlassJaccardIndex(5, ignore_index=255)(torch.from_numpy(mask), torch.from_numpy(labels).long())
    assert mean_iou(confusion(mask, labels, 5)) == pytest.approx(expected.item(), abs=1e-6)


def test_mask_of_another_label_set_is_refused():
    with pytest.raises(LabelError, match="the mask holds id 12, but the labels have 11 classes"):
        confusion(np.array([[12]], np.uint8), np.array([[0]], np.uint8), 11)


def test_id_that_is_no_class_does_no_harm_where_nothing_is_labelled():
    assert confusion(np.array([[255]], np.uint8), np.array([[255]], np.uint8), 2).sum() == 0
