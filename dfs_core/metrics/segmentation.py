"""How right a mask is: the intersections over unions of the Cityscapes benchmark."""

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import LabelError


def confusion(mask: NDArray[np.uint8], labels: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """Return how many pixels of each true class (row) were given each class (column), [classes, classes].

    Args:
        mask: predicted ids, all below `classes`, [H, W].
        labels: true ids, [H, W]; those of `classes` and above are ignored.
        classes: number of classes.

    Raises:
        LabelError: the mask holds an id that is no class.
    """
    counted = labels < classes
    if (highest := int(mask[counted].max(initial=0))) >= classes:
        raise LabelError(f"the mask holds id {highest}, but the labels have {classes} classes; compare the label sets")
    pairs = labels[counted].astype(np.int64) * classes + mask[counted]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def intersection_over_union(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return TP / (TP + FP + FN) of each class, [classes]; not a number for a class that occurs nowhere."""
    hits = np.diag(matrix).astype(np.float64)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - hits
    return np.divide(hits, union, out=np.full_like(hits, np.nan), where=union > 0)


def mean_iou(matrix: NDArray[np.int64]) -> float:
    """Return the mean over the classes that occur in the labels.

    Source: the Cityscapes benchmark's IoU-class; the confusion matrix covers the whole dataset.
    """
    present = matrix.sum(axis=1) > 0
    return float(np.mean(intersection_over_union(matrix)[present]))
