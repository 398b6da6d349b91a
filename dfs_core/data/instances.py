"""Things one by one: how large each is, how much its pixels count in iIoU, and finding them where data has none."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.labels import LabelSet

WEIGHTS = (0.1, 10.0)
"""Lowest and highest weight of a thing: beyond a factor of ten, a few pixels would outvote a street."""

Floats = NDArray[np.float32]


def instance_shares(instances: NDArray[np.int32]) -> Floats:
    """Return how much of the picture each thing covers, in [0, 1], by its number; [largest number + 1].

    Args:
        instances: a number above 0 for each thing, [H, W].
    """
    return (np.bincount(instances.ravel()) / instances.size).astype(np.float32)


def instance_weights(
    labels: NDArray[np.uint8], instances: NDArray[np.int32], label_set: LabelSet, *, shares: Floats | None = None
) -> Floats:
    """Return how much each pixel counts, [H, W]: average size of a thing's class over its own size; 1 on all else.

    Sizes are shares of the picture, so weights do not depend on its resolution. They are clipped to `WEIGHTS`.

    Args:
        labels: class ids, [H, W].
        instances: a number for each thing, [H, W]; 0 is no thing.
        label_set: what the ids mean, and how large things of a class are on average.
        shares: of the things in the whole picture, where `instances` is a part of it; see `instance_shares`.

    Source: the weights of iTP and iFN in Cityscapes' iIoU (M. Cordts et al., CVPR 2016).
    """
    own = (instance_shares(instances) if shares is None else shares)[instances]
    average = label_set.instance_shares[labels]
    things = (instances > 0) & (average > 0.0)
    weights = np.ones(labels.shape, np.float32)
    weights[things] = np.clip(average[things] / own[things], *WEIGHTS)
    return weights


def components(labels: NDArray[np.uint8], label_set: LabelSet) -> NDArray[np.int32]:
    """Return instances guessed from labels, [H, W]: each connected region of a class of things is one thing.

    Things of one class that touch or hide each other count as one.
    """
    instances = np.zeros(labels.shape, np.int32)
    found = 0
    for index in np.flatnonzero(label_set.instance_shares):
        count, regions = cv2.connectedComponents((labels == index).astype(np.uint8))
        instances += np.where(regions > 0, regions + found, 0)
        found += count - 1
    return instances
