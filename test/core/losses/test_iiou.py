"""Soft iIoU against values computed by hand, and against the official evaluator."""

import math

import cv2
import numpy as np
import pytest
import torch
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as Official
from cityscapesscripts.helpers.labels import name2label, trainId2label

from dfs_core import losses
from dfs_core.errors import DatasetError
from dfs_core.labels import CITYSCAPES_19
from dfs_core.losses import SegmentationTarget

iiou = losses.SEGMENTATION["iiou"]


def test_by_hand():
    thirds = [0.0, math.log(2.0)]  # 1/3 and 2/3
    logits = torch.tensor([thirds, thirds, [0.0, 0.0], thirds]).T.reshape(1, 2, 2, 2)
    weights = torch.tensor([[[1.0, 2.0], [0.5, 9.0]]])
    target = SegmentationTarget(torch.tensor([[[0, 1], [1, 255]]]), torch.zeros(2, 3), weights)
    # class 0: 1/3 of its 1 pixel, and 1/3 + 1/2 elsewhere; class 1: 2 x 2/3 + 0.5 x 1/2 of 2.5, and 2/3 elsewhere
    expected = 1 - ((1 / 3) / (1 + 5 / 6) + (2 * 2 / 3 + 0.5 / 2) / (2.5 + 2 / 3)) / 2
    assert iiou(logits, target).item() == pytest.approx(expected)


def test_with_equal_weights_is_jaccard():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, 6, 7, generator=generator)
    labels = torch.randint(0, 4, (2, 6, 7), generator=generator)
    target = SegmentationTarget(labels, torch.zeros(4, 3), torch.ones(2, 6, 7))
    torch.testing.assert_close(iiou(logits, target), losses.SEGMENTATION["jaccard"](logits, target))


def test_data_without_instances_is_refused():
    target = SegmentationTarget(torch.zeros(1, 2, 2, dtype=torch.int64), torch.zeros(2, 3))
    with pytest.raises(DatasetError, match=r"'iiou' .* needs to know .* data with instances \(cityscapes"):
        iiou(torch.zeros(1, 2, 2, 2), target)


def scene(rng):
    """Return Cityscapes' label ids and instance ids of a street with cars, people and a group of people, [32, 64]."""
    ids = {name: label.id for name, label in name2label.items()}
    labels = np.full((32, 64), ids["road"], np.uint8)
    labels[:12] = ids["building"]
    labels[-3:] = ids["ego vehicle"]  # ignored by the evaluator
    instances = labels.astype(np.uint16)
    for number, name in enumerate(["car", "car", "person", "person", "rider"]):
        top, left = rng.integers(8, 20), 11 * number + rng.integers(0, 4)
        thing = np.s_[top : top + rng.integers(2, 9), left : left + rng.integers(2, 7)]
        labels[thing], instances[thing] = ids[name], 1000 * ids[name] + number
    labels[10:14, 58:], instances[10:14, 58:] = ids["person"], ids["person"]  # a group, whose members nobody told apart
    return labels, instances


def test_of_certain_answers_is_one_minus_what_the_official_evaluator_says(tmp_path, monkeypatch, certain):
    rng = np.random.default_rng(0)
    train_ids = np.full(256, 255, np.uint8)
    for label in trainId2label.values():
        if 0 <= label.trainId < 19:
            train_ids[label.id] = label.trainId
    ids = np.array([trainId2label[index].id for index in range(19)], np.uint8)
    masks, truths, weights, files = [], [], [], []
    for number in range(2):
        labels, instances = scene(rng)
        guess = rng.choice([0, 2, 11, 12, 13, 14], labels.shape)  # trucks are nowhere
        truth = train_ids[labels]
        mask = np.where((rng.random(labels.shape) < 0.7) & (truth < 19), truth, guess).astype(np.uint8)
        weight = np.ones(labels.shape)
        for thing in np.unique(instances[instances >= 1000]):
            own = instances == thing
            weight[own] = Official.args.avgClassSize[CITYSCAPES_19.names[truth[own][0]]] / np.count_nonzero(own)
        weight[(labels == name2label["person"].id) & (instances < 1000)] = 0.0
        stem = str(tmp_path / f"town_{number:06}_000000")
        cv2.imwrite(f"{stem}_gtFine_labelIds.png", labels)
        cv2.imwrite(f"{stem}_gtFine_instanceIds.png", instances)
        cv2.imwrite(f"{stem}_mask.png", ids[mask])
        files.append((f"{stem}_mask.png", f"{stem}_gtFine_labelIds.png"))
        masks.append(mask), truths.append(truth), weights.append(weight)
    for option, value in (("quiet", True), ("JSONOutput", False)):
        monkeypatch.setattr(Official.args, option, value)
    result = Official.evaluateImgLists(*(list(column) for column in zip(*files, strict=True)), Official.args)

    present = [CITYSCAPES_19.names[index] for index in np.unique(truths) if index < 19]
    assert present == ["road", "building", "person", "rider", "car"]
    weighted, plain = result["classInstScores"], result["classScores"]
    expected = [plain[name] if math.isnan(weighted[name]) else weighted[name] for name in present]
    assert sum(math.isnan(weighted[name]) for name in present) == 2
    target = SegmentationTarget(
        torch.from_numpy(np.stack(truths)).long(), torch.zeros(19, 3), torch.from_numpy(np.stack(weights))
    )
    assert iiou(certain(np.stack(masks), 19), target).item() == pytest.approx(1 - np.mean(expected), abs=1e-6)
