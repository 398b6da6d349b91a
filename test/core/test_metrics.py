"""Figures of merit against hand-made masks and other libraries."""

import math

import cv2
import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from dfs_core.errors import LabelError
from dfs_core.metrics import confusion, intersection_over_union, mean_iou, psnr, ssim


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


def test_mask_of_another_label_set_is_refused():
    with pytest.raises(LabelError, match="the mask holds id 12, but the labels have 11 classes"):
        confusion(np.array([[12]], np.uint8), np.array([[0]], np.uint8), 11)


def test_id_that_is_no_class_does_no_harm_where_nothing_is_labelled():
    assert confusion(np.array([[255]], np.uint8), np.array([[255]], np.uint8), 2).sum() == 0


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
