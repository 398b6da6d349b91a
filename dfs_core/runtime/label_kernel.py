"""The mask out of class scores, compiled: the class of the highest score at each pixel, once scores are resized.

Most pixels lie among four scores that agree on the class, and so does any mean of the four: only where they do not are
scores resized. The GIL is released; see `kernels.py` for how rows are shared out among threads.
"""

import numba
import numpy as np
from numba import types

from dfs_core.runtime.dehazer import Frames
from dfs_core.runtime.kernels import OPTIONS, RANGE, READ_PLANES, TAPS
from dfs_core.runtime.restoration import Floats, Taps

_LABELS = types.uint8[:, ::1]


@numba.jit([types.void(READ_PLANES, _LABELS, *RANGE[1:])], **OPTIONS)
def best_rows(scores: Floats, labels: Frames, start: int, stop: int) -> None:
    """Write the class of the highest score, the first of equals, into rows [start, stop).

    Args:
        scores: float32 [C, h', w'], C at most 255.
        labels: where to write, uint8 [h', w'].
        start: first row.
        stop: row after the last.
    """
    best = np.empty(scores.shape[2], np.float32)
    for y in range(start, stop):
        best[:] = scores[0, y]
        labels[y] = 0
        for c in range(1, scores.shape[0]):
            for x in range(len(best)):
                if scores[c, y, x] > best[x]:
                    best[x] = scores[c, y, x]
                    labels[y, x] = c


@numba.jit(**OPTIONS)
def _best_between(scores: Floats, above: int, below: int, left: int, right: int, down: float, across: float) -> int:
    """Return the class of the highest score at one pixel among four scores."""
    best, label = np.float32(-np.inf), 0
    for c in range(scores.shape[0]):
        top, bottom = scores[c, above, left], scores[c, below, left]
        top += (scores[c, above, right] - top) * across
        bottom += (scores[c, below, right] - bottom) * across
        value = top + (bottom - top) * down
        if value > best:
            best, label = value, c
    return label


@numba.jit([types.void(READ_PLANES, _LABELS, TAPS, TAPS, _LABELS, *RANGE[1:])], **OPTIONS)
def label_rows(scores: Floats, labels: Frames, rows: Taps, columns: Taps, mask: Frames, start: int, stop: int) -> None:
    """Write rows [start, stop) of the mask.

    Args:
        scores: float32 [C, h', w'].
        labels: what `best_rows` says of all of them, uint8 [h', w'].
        rows: `bilinear_taps(h', h)`.
        columns: `bilinear_taps(w', w)`.
        mask: where to write, uint8 [h, w].
        start: first row of the mask.
        stop: row after the last.
    """
    for y in range(start, stop):
        above, below = rows.first[y], rows.second[y]
        for x in range(mask.shape[1]):
            left, right = columns.first[x], columns.second[x]
            label = labels[above, left]
            if label != labels[above, right] or label != labels[below, left] or label != labels[below, right]:
                label = _best_between(scores, above, below, left, right, rows.weight[y], columns.weight[x])
            mask[y, x] = label
