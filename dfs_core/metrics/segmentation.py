"""How right masks are: the four figures of the Cityscapes benchmark, from counts that add up over pictures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import DatasetError, LabelError
from dfs_core.labels import UNLABELLED, LabelSet

_BAND = 1 << 17
"""Pixels that are looked at together: what is made of them stays in the processor's cache."""

FIGURES = ("miou", "iiou", "category_miou", "category_iiou")

Floats = NDArray[np.float64]
Mask = NDArray[np.uint8]


def count(mask: Mask, labels: Mask, label_set: LabelSet, instances: NDArray[np.int32] | None = None) -> Floats:
    """Return what one picture adds to the counts that `figures` makes figures of, [counts_size(label_set)].

    Counts add up over pictures, weighted ones too. They are hits, misses and false alarms of each class and then each
    category, first by pixels and then by things.

    Args:
        mask: predicted ids, [H, W]; 255, no class, is a miss of the true class and nobody's false alarm.
        labels: true ids, [H, W]; where they are 255, nothing is counted.
        label_set: what the ids mean, and how large things of a class are on average.
        instances: a number above 0 for each thing, [H, W]; 0 is no thing, a crowd for one. Without them the picture
            adds nothing to the figures by things.

    Raises:
        DatasetError: mask, labels and instances differ in size; the next picture may be in order.
        LabelError: mask or labels hold an id that is neither a class nor 255; model and dataset do not fit each other.

    Source: M. Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR 2016. Each pixel of
    a thing weighs the average size of its class over the thing's own size; false alarms weigh 1.
    """
    _refuse_sizes(mask, labels, instances)
    lengths, (given, true, *numbers) = _runs(mask, labels, *([] if instances is None else [instances]))
    pairs = _pairs(given, true)
    matrix = _histogram(pairs, lengths)
    _refuse_ids(matrix, label_set)
    classes = len(label_set)
    members, things = _members(label_set), _average_shares(label_set) > 0.0
    counts = np.zeros((3, 2, classes + len(members)))
    confused, there = matrix[:classes, :classes], matrix[:classes].sum(axis=1)
    counts[:, 0, :classes] = _outcomes(confused, there)
    counts[:, 0, classes:] = _outcomes(members @ confused @ members.T, members @ there)
    if instances is not None:
        counted = np.concatenate([things, [things[own > 0].all() for own in members]])
        counts[:2, 1] = _weighted_outcomes(pairs, lengths, numbers[0], label_set)
        counts[:, 1] *= counted
        counts[2, 1] = counts[2, 0] * counted
    return counts.ravel()


def counts_size(label_set: LabelSet) -> int:
    """Return how many numbers `count` returns."""
    return 6 * (len(label_set) + len(categories(label_set)))


def figures(sums: Floats, label_set: LabelSet) -> Mapping[str, Floats]:
    """Return the figures of each sum of counts, [...] each, in [0, 1]; not a number where nothing was counted.

    They are `miou`, over classes; `iiou`, over classes of things; `category_miou`, over categories, where confusion
    within one is right; `category_iiou`, over categories that hold classes of things only. A class that was neither
    there nor predicted is left out of the mean.

    Args:
        sums: of what `count` returned, [..., counts_size(label_set)].
        label_set: the one that was counted with.

    Source: `evalPixelLevelSemanticLabeling` of cityscapesscripts, whose averageScoreClasses, averageScoreInstClasses,
    averageScoreCategories and averageScoreInstCategories these are. In the last it takes predicted caravans and
    trailers, which it ignores everywhere else, for vehicles; masks of the nineteen classes hold neither.
    """
    classes = len(label_set)
    ious = _ious(sums)
    parts = (ious[..., 0, :classes], ious[..., 1, :classes], ious[..., 0, classes:], ious[..., 1, classes:])
    return {name: _mean(part) for name, part in zip(FIGURES, parts, strict=True)}


def class_ious(sums: Floats, label_set: LabelSet) -> Floats:
    """Return TP / (TP + FP + FN) of each class, [..., classes], of sums as in `figures`; not a number as there."""
    return _ious(sums)[..., 0, : len(label_set)]


def categories(label_set: LabelSet) -> tuple[str, ...]:
    """Return the categories of the classes, each where it first occurs."""
    return tuple(dict.fromkeys(label.category for label in label_set.classes))


def confusion(mask: Mask, labels: Mask, classes: int) -> NDArray[np.int64]:
    """Return how many pixels of each true class (row) were given each class (column), [classes, classes].

    Args:
        mask: predicted ids, all below `classes`, [H, W].
        labels: true ids, [H, W]; those of `classes` and above are ignored.
        classes: number of classes.

    Raises:
        LabelError: the mask holds an id that is no class.
    """
    lengths, (given, true) = _runs(mask, labels)
    matrix = _histogram(_pairs(given, true), lengths)[:classes]
    if (strangers := np.flatnonzero(matrix.any(axis=0))[::-1]).size and strangers[0] >= classes:
        raise LabelError(
            f"the mask holds id {strangers[0]}, but the labels have {classes} classes; compare the label sets"
        )
    return matrix[:, :classes]


def intersection_over_union(matrix: NDArray[np.int64]) -> Floats:
    """Return TP / (TP + FP + FN) of each class, [classes]; not a number for a class that occurs nowhere."""
    hits, misses, false_alarms = _outcomes(matrix, matrix.sum(axis=1)).astype(np.float64)
    return _ratio(hits, hits + misses + false_alarms)


def mean_iou(matrix: NDArray[np.int64]) -> float:
    """Return the mean over the classes that occur in the labels.

    Training compares masks of a few pictures with it, where a class that only a stray pixel was given would weigh as
    much as a road. The benchmark itself counts such a class as 0; see `figures`.
    """
    present = matrix.sum(axis=1) > 0
    return float(np.mean(intersection_over_union(matrix)[present]))


def _refuse_sizes(mask: Mask, labels: Mask, instances: NDArray[np.int32] | None) -> None:
    found = {"mask": mask, "labels": labels} | ({} if instances is None else {"instances": instances})
    if len({plane.shape for plane in found.values()}) > 1:
        sizes = ", ".join(f"{name} {list(plane.shape)}" for name, plane in found.items())
        raise DatasetError(f"{sizes}: must have the same height and width; judge a picture at the size of its labels")


def _refuse_ids(matrix: NDArray[np.int64], label_set: LabelSet) -> None:
    classes = len(label_set)
    rows, columns = matrix[:UNLABELLED].any(axis=1), matrix[:classes, :UNLABELLED].any(axis=0)
    for name, present in (("labels hold", rows), ("mask holds", columns)):
        if (highest := int(np.flatnonzero(present).max(initial=0))) >= classes:
            raise LabelError(
                f"the {name} id {highest}, but '{label_set.name}' has {classes} classes, ids 0 to {classes - 1}, and "
                f"{UNLABELLED} for none; compare the label sets"
            )


def _runs(*planes: NDArray[Any]) -> tuple[NDArray[np.intp], list[NDArray[Any]]]:
    """Return how long each run of pixels is that are alike in all planes, row by row, and what each plane holds there.

    Masks are made of regions, so that there are far fewer runs than pixels, and all that follows costs little.
    """
    flat = [plane.ravel() for plane in planes]
    pixels = planes[0].size
    begins, differs = (np.empty(min(pixels, _BAND), np.bool_) for _ in range(2))
    starts = [np.zeros(1, np.intp)]
    for first in range(1, pixels, _BAND):
        last = min(first + _BAND, pixels)
        found, differ = begins[: last - first], differs[: last - first]
        np.not_equal(flat[0][first:last], flat[0][first - 1 : last - 1], out=found)
        for plane in flat[1:]:
            found |= np.not_equal(plane[first:last], plane[first - 1 : last - 1], out=differ)
        starts.append(np.flatnonzero(found) + first)
    places = np.concatenate(starts)
    return np.diff(places, append=pixels), [plane[places] for plane in flat]


def _pairs(given: Mask, true: Mask) -> NDArray[np.intp]:
    """Return 256 · true id + predicted id."""
    return 256 * true.astype(np.intp) + given


def _histogram(pairs: NDArray[np.intp], lengths: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return how many pixels of each true id (row) were given each predicted id (column), [256, 256]."""
    return np.bincount(pairs, lengths, minlength=1 << 16).astype(np.int64).reshape(256, 256)


def _outcomes(confused: NDArray[np.int64], true: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return hits, misses and false alarms, [3, N], of N kinds that were confused [N, N] and there, [N]."""
    hits = np.diagonal(confused)
    return np.stack([hits, true - hits, confused.sum(axis=0) - hits])


def _weighted_outcomes(
    pairs: NDArray[np.intp], lengths: NDArray[np.intp], numbers: NDArray[np.int32], label_set: LabelSet
) -> Floats:
    """Return weighted hits and misses of things, of each class and then each category, [2, classes + categories].

    A thing is what has one number and one class, so that a stray pixel of another class does not change what it is.
    """
    members, kinds = _members(label_set), 3 * len(label_set) + 1
    numbered = numbers > 0
    ranks = np.cumsum(np.bincount(numbers[numbered], minlength=1) > 0)
    found = ranks[numbers[numbered]] * kinds + _kinds(label_set)[pairs[numbered]]
    things = int(ranks[-1]) + 1
    seen = np.bincount(found, lengths[numbered], minlength=things * kinds).reshape(things, kinds)
    missed, near, right = np.moveaxis(seen[:, 1:].reshape(things, len(label_set), 3), 2, 0)
    size = missed + near + right
    average = _average_shares(label_set) * lengths.sum()
    weights = np.divide(average, size, out=np.zeros(size.shape), where=size > 0)
    whole, exact, close = ((weights * pixels).sum(axis=0) for pixels in (size, right, near + right))
    hits = np.concatenate([exact, members @ close])
    return np.stack([hits, np.concatenate([whole, members @ whole]) - hits])


def _kinds(label_set: LabelSet) -> NDArray[np.intp]:
    """Return what a pair says of a thing, [65536]: 1 + 3 · its class, + 1 if only its category is right, + 2 if all is.

    0 says that it is not of a class of things.
    """
    classes = len(label_set)
    category = np.full(256, -1)
    category[:classes] = _members(label_set).argmax(axis=0)
    ids = np.arange(256)
    right = (category[:classes, None] == category).astype(np.intp) + (ids[:classes, None] == ids)
    table = np.zeros((256, 256), np.intp)
    things = np.flatnonzero(_average_shares(label_set))
    table[things] = 1 + 3 * things[:, None] + right[things]
    return table.ravel()


def _members(label_set: LabelSet) -> NDArray[np.int64]:
    """Return 1 where a class (column) belongs to a category (row), [categories, classes]."""
    names = np.array([label.category for label in label_set.classes])
    return (np.array(categories(label_set))[:, None] == names).astype(np.int64)


def _average_shares(label_set: LabelSet) -> Floats:
    """Return how much of a picture one thing of each class covers on average, [classes]; 0 for what is no thing."""
    return np.array([label.instance_share or 0.0 for label in label_set.classes])


def _ious(sums: Floats) -> Floats:
    """Return TP / (TP + FP + FN) by pixels and by things, of each class and then each category, [..., 2, N]."""
    counts = sums.reshape(*sums.shape[:-1], 3, 2, -1)
    return _ratio(counts[..., 0, :, :], counts.sum(axis=-3))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _mean(values: Floats) -> Floats:
    """Return the mean over the last axis of what is a number."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1).astype(np.float64))
