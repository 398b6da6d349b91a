"""Squared differences of colours and of probabilities, against pictures of 2 x 2 pixels."""

import math

import pytest
import torch

from dfs_core import losses
from dfs_core.losses import SegmentationTarget

RED, BLUE = [1.0, -1.0, -1.0], [-1.0, -1.0, 1.0]
COLORS = torch.tensor([RED, BLUE])


def picture(*colors):
    return torch.tensor(colors).T.reshape(1, 3, 2, 2)


def test_colours_by_hand():
    answer = picture(RED, [0.0, 0.0, 0.0], RED, BLUE)
    target = SegmentationTarget(torch.tensor([[[0, 0], [1, 1]]]), COLORS)
    # equal; 1 in each of 3 channels; 2 in each of 2 channels; equal: 3 + 8 over 4 pixels of 3 channels
    assert losses.SEGMENTATION["l2_rgb"](answer, target).item() == pytest.approx(11 / 12)


def test_unlabelled_pixels_have_no_colour():
    answer = picture(RED, [0.0, 0.0, 0.0], RED, BLUE)
    target = SegmentationTarget(torch.tensor([[[0, 255], [1, 255]]]), COLORS)
    assert losses.SEGMENTATION["l2_rgb"](answer, target).item() == pytest.approx(8 / 6)


def test_colours_of_labels_are_never_blended():
    # The answer is one pixel; each label keeps its own colour: 2 channels are 2 apart in half of the pixels.
    answer = torch.tensor(RED).view(1, 3, 1, 1)
    target = SegmentationTarget(torch.tensor([[[0, 1], [1, 0]]]), COLORS)
    assert losses.SEGMENTATION["l2_rgb"](answer, target).item() == pytest.approx(0.5 * 8 / 3)


def test_probabilities_by_hand():
    thirds = [0.0, math.log(2.0)]  # 1/3 and 2/3
    logits = torch.tensor([thirds, thirds, [0.0, 0.0], thirds]).T.reshape(1, 2, 2, 2)
    target = SegmentationTarget(torch.tensor([[[0, 1], [1, 255]]]), COLORS)
    expected = ((2 / 3) ** 2 + (1 / 3) ** 2 + (1 / 2) ** 2) / 3  # both classes of a pixel are off by the same
    assert losses.SEGMENTATION["l2_prob"](logits, target).item() == pytest.approx(expected)
