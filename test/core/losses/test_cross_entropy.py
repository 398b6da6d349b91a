"""Cross-entropy against a value computed by hand."""

import math

import pytest
import torch

from dfs_core import losses
from dfs_core.losses import SegmentationTarget


def test_by_hand_ignores_the_unlabelled():
    logits = torch.tensor([[0.0, 0.0], [math.log(3.0), 5.0]]).view(1, 2, 1, 2)
    target = SegmentationTarget(torch.tensor([[[1, 255]]]), torch.zeros(2, 3))
    assert losses.SEGMENTATION["cross_entropy"](logits, target).item() == pytest.approx(-math.log(3 / 4))


def test_answer_is_brought_to_the_size_of_the_labels():
    # Halfway between the logits (0, 0) and (0, 2 ln 3) is (0, ln 3).
    logits = torch.tensor([[0.0, 0.0], [0.0, 2 * math.log(3.0)]]).view(1, 2, 1, 2)
    target = SegmentationTarget(torch.tensor([[[255, 1, 255]]]), torch.zeros(2, 3))
    assert losses.SEGMENTATION["cross_entropy"](logits, target).item() == pytest.approx(-math.log(3 / 4))
