"""Figures of merit against hand-made masks and other libraries."""

import math

import cv2
import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from dfs_core.metrics import confusion, intersection_over_union, mean_iou, psnr


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


def test_psnr_equals_opencv():
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 256, (20, 30, 3), np.uint8) for _ in range(2))
    assert psnr(first, second) == pytest.approx(cv2.PSNR(first, second), abs=1e-4)


def test_psnr_of_equal_images_is_infinite():
    image = np.zeros((4, 4, 3), np.uint8)
    assert psnr(image, image) == math.inf
