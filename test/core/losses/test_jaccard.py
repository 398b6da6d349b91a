"""Soft Jaccard against values computed by hand, and against the metric that it stands for."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from dfs_core import losses
from dfs_core.losses import SegmentationTarget
from dfs_core.metrics.segmentation import confusion, mean_iou

jaccard = losses.SEGMENTATION["jaccard"]


def test_by_hand():
    thirds = [0.0, math.log(2.0), -math.inf]  # 1/3, 2/3, 0
    logits = torch.tensor([thirds, thirds, [0.0, 0.0, -math.inf], thirds]).T.reshape(1, 3, 2, 2)
    target = SegmentationTarget(torch.tensor([[[0, 1], [1, 255]]]), torch.zeros(3, 3))
    # class 0: 1/3 of its 1 pixel, and 1/3 + 1/2 elsewhere; class 1: 2/3 + 1/2 of 2, and 2/3 elsewhere; no class 2
    expected = 1 - ((1 / 3) / (1 + 5 / 6) + (7 / 6) / (2 + 2 / 3)) / 2
    assert jaccard(logits, target).item() == pytest.approx(expected)


def test_is_summed_over_the_batch_before_it_is_divided(certain):
    labels = np.array([[[0, 0, 0, 0]], [[0, 1, 1, 1]]], np.uint8)
    mask = np.array([[[0, 0, 0, 0]], [[1, 1, 1, 1]]], np.uint8)
    target = SegmentationTarget(torch.from_numpy(labels).long(), torch.zeros(2, 3))
    assert jaccard(certain(mask, 2), target).item() == pytest.approx(1 - (4 / 5 + 3 / 4) / 2)


def test_of_certain_answers_is_one_minus_mean_iou(certain):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, (2, 20, 30), np.uint8)
    mask = np.where(rng.random(labels.shape) < 0.6, labels, rng.integers(0, 6, labels.shape)).astype(np.uint8)
    labels[rng.random(labels.shape) < 0.1] = 255
    target = SegmentationTarget(torch.from_numpy(labels).long(), torch.zeros(6, 3))
    found = jaccard(certain(mask, 6), target).item()
    assert found == pytest.approx(1 - mean_iou(confusion(mask.reshape(20, -1), labels.reshape(20, -1), 6)), abs=1e-6)
    per_class = MulticlassJaccardIndex(6, ignore_index=255, average=None)(torch.from_numpy(mask), target.labels)
    assert found == pytest.approx(1 - per_class[:5].mean().item(), abs=1e-6)  # class 5 is nowhere in the labels


def test_millions_of_pixels_are_summed_exactly():
    # Adding 2^21 times 0.99 in 32 bits, one after the other, is off by several percent.
    logits = torch.tensor([math.log(99.0), 0.0]).view(1, 2, 1, 1).expand(1, 2, 1024, 2048)
    target = SegmentationTarget(torch.zeros(1, 1024, 2048, dtype=torch.int64), torch.zeros(2, 3))
    assert jaccard(logits, target).item() == pytest.approx(0.01, rel=1e-4)
