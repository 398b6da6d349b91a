"""Lovász-softmax against the definition of the extension, and against the metric that it stands for."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from dfs_core import losses
from dfs_core.losses import SegmentationTarget

lovasz = losses.SEGMENTATION["lovasz"]
STEP = 2.0**-16


def extension(errors, true):
    """Return Σ m_i (Δ{1..i} - Δ{1..i-1}), m falling, with Δ of a set of wrong pixels M: |M| / |true pixels ∪ M|."""
    order = np.argsort(-errors, kind="stable")
    wrong = np.arange(1, len(order) + 1)
    union = np.count_nonzero(true) + np.cumsum(~true[order])
    return float(errors[order] @ np.diff(wrong / union, prepend=0.0))


def test_by_hand():
    # Probabilities of class 1: 0.6, 0.3, 0.2; true are classes 1, 1, 0.
    logits = torch.tensor([[0.0, math.log(odds)] for odds in (0.6 / 0.4, 0.3 / 0.7, 0.2 / 0.8)]).T.reshape(1, 2, 1, 3)
    target = SegmentationTarget(torch.tensor([[[1, 1, 0]]]), torch.zeros(2, 3))
    # class 1, errors 0.7 (true), 0.4 (true), 0.2 (other): the sets lose 1/2, 2/2, 3/3
    # class 0, errors 0.7 (other), 0.4 (other), 0.2 (true): the sets lose 1/2, 2/3, 3/3
    expected = ((0.7 / 2 + 0.4 / 2) + (0.7 / 2 + 0.4 * (2 / 3 - 1 / 2) + 0.2 * (1 - 2 / 3))) / 2
    assert lovasz(logits, target).item() == pytest.approx(expected, abs=1e-6)


def test_of_certain_answers_is_one_minus_mean_iou(certain):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, (2, 20, 30), np.uint8)
    mask = np.where(rng.random(labels.shape) < 0.6, labels, rng.integers(0, 6, labels.shape)).astype(np.uint8)
    labels[rng.random(labels.shape) < 0.1] = 255
    target = SegmentationTarget(torch.from_numpy(labels).long(), torch.zeros(6, 3))
    per_class = MulticlassJaccardIndex(6, ignore_index=255, average=None)(torch.from_numpy(mask), target.labels)
    found = lovasz(certain(mask, 6), target).item()
    assert found == pytest.approx(1 - per_class[:5].mean().item(), abs=1e-6)  # class 5 is nowhere in the labels


@pytest.mark.parametrize("side", [4, 200])  # all errors apart; most steps taken by several
def test_is_the_extension_of_the_paper_or_one_step_below(side):
    rng = np.random.default_rng(side)
    labels = rng.integers(0, 3, (1, side, side))
    logits = torch.from_numpy(2 * rng.standard_normal((1, 3, side, side)) + 2 * (np.arange(3)[:, None, None] == labels))
    answer = logits.softmax(dim=1)[0].numpy().reshape(3, -1)
    expected = np.mean([
        extension(np.abs((labels.ravel() == index) - answer[index]), labels.ravel() == index) for index in range(3)
    ])  # fmt: skip
    found = lovasz(logits, SegmentationTarget(torch.from_numpy(labels), torch.zeros(3, 3))).item()
    assert expected - STEP - 1e-6 < found < expected + 1e-6


def test_ties_share_evenly_what_they_add_together():
    # Two pixels with an answer of 1/2 for each class: both orders of one true and one other pixel are averaged.
    logits = torch.zeros(1, 2, 1, 2, requires_grad=True)
    loss = lovasz(logits, SegmentationTarget(torch.tensor([[[0, 1]]]), torch.zeros(2, 3)))
    loss.backward()
    # A class of 1 pixel: true first adds 1 and then 0, other first adds 1/2 and then 1/2; the mean is 3/4 and 1/4.
    # Either way they add 1 together. Both classes push both pixels: (3/4 + 1/4) / 2, times p (1 - p) from the softmax,
    # twice, as the logit moves the probabilities of both classes.
    assert loss.item() == pytest.approx(0.5)
    torch.testing.assert_close(logits.grad.flatten(), torch.tensor([-1.0, 1.0, 1.0, -1.0]) / 8)


def test_errors_two_steps_apart_are_ranked():
    larger, smaller = 0.4 + 2 * STEP, 0.4
    logits = torch.tensor([[0.0, math.log((1 - larger) / larger)], [math.log((1 - smaller) / smaller), 0.0]])
    target = SegmentationTarget(torch.tensor([[[1, 0]]]), torch.zeros(2, 3))
    # class 1: the true pixel comes first and adds 1, the other adds nothing; class 0: the other comes first, 1/2 each
    expected = (larger + (larger + smaller) / 2) / 2
    assert lovasz(logits.T.reshape(1, 2, 1, 2), target).item() == pytest.approx(expected, abs=1e-6)
