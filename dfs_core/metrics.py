"""Figures of merit: intersection over union of masks, peak signal-to-noise ratio of images."""

import math

import numpy as np
from numpy.typing import NDArray


def confusion(mask: NDArray[np.uint8], labels: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """Return how many pixels of each true class (row) were given each class (column), [classes, classes].

    Args:
        mask: predicted ids, all below `classes`, [H, W].
        labels: true ids, [H, W]; those of `classes` and above are ignored.
        classes: number of classes.
    """
    counted = labels < classes
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


def psnr(image: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio of two 8-bit images in dB; infinity when they are equal."""
    error = float(np.mean(np.square(image.astype(np.float32) - reference.astype(np.float32)), dtype=np.float64))
    return math.inf if error == 0.0 else 10.0 * math.log10(255.0**2 / error)
