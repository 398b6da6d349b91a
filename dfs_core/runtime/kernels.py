"""`shrink` and `restore` of `restoration.py`, compiled: each byte of a frame is touched once, and the GIL is released.

They work on rows [start, stop) of one frame, so that a caller can share a frame out among threads. The signatures are
given, so everything is compiled when this module is imported (or read from numba's cache), never while frames wait.
"""

import numba
import numpy as np
from numba import types

from dfs_core.runtime.dehazer import Frames
from dfs_core.runtime.restoration import Floats, Taps

OPTIONS = {"nopython": True, "nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"contract", "reassoc"}}

READ_FRAME = types.Array(types.uint8, 3, "C", readonly=True)
READ_PLANES = types.Array(types.float32, 3, "C", readonly=True)
_READ_INDICES = types.Array(types.int32, 1, "C", readonly=True)
_READ_SHARES = types.Array(types.float32, 1, "C", readonly=True)
TAPS = types.NamedTuple((_READ_INDICES, _READ_INDICES, _READ_SHARES), Taps)
RANGE = (types.boolean, types.intp, types.intp)


@numba.jit(**OPTIONS)
def _stretch(restoration: Floats, row: int, columns: Taps, gain: Floats, offset: Floats, blue_first: bool) -> None:
    """Sample one row of the coefficients at every column of the frame, three values a pixel as its bytes lie."""
    for x in range(len(columns.first)):
        i, j, share = columns.first[x], columns.second[x], columns.weight[x]
        value = restoration[0, row, i]
        value += (restoration[0, row, j] - value) * share
        gain[3 * x] = value
        gain[3 * x + 1] = value
        gain[3 * x + 2] = value
        for c in range(3):
            plane = 3 - c if blue_first else c + 1
            value = restoration[plane, row, i]
            value += (restoration[plane, row, j] - value) * share
            offset[3 * x + c] = np.float32(255.0) * value


@numba.jit(**OPTIONS)
def _apply(
    frame: Frames,
    gain_above: Floats,
    gain_below: Floats,
    offset_above: Floats,
    offset_below: Floats,
    share: np.float32,
    dehazed: Frames,
) -> None:
    """Write one row of bytes; six rows side by side, so that the loop becomes vector instructions."""
    for i in range(len(dehazed)):
        gain = gain_above[i] + (gain_below[i] - gain_above[i]) * share
        offset = offset_above[i] + (offset_below[i] - offset_above[i]) * share
        value = gain * np.float32(frame[i]) + offset
        value = min(max(value, np.float32(0.0)), np.float32(255.0))
        dehazed[i] = np.uint8(np.int32(np.rint(value)))


@numba.jit(
    [types.void(READ_FRAME, READ_PLANES, TAPS, TAPS, types.uint8[:, :, ::1], *RANGE)],
    **OPTIONS,
)
def restore_rows(
    frame: Frames,
    restoration: Floats,
    rows: Taps,
    columns: Taps,
    dehazed: Frames,
    blue_first: bool,
    start: int,
    stop: int,
) -> None:
    """Write rows [start, stop) of a frame without fog.

    The coefficients are stretched sideways only once per row of the network and then mixed per row of the frame.

    Args:
        frame: uint8 [H, W, 3].
        restoration: float32 [4 or more, h, w].
        rows: `bilinear_taps(h, H)`.
        columns: `bilinear_taps(w, W)`.
        dehazed: where to write, uint8 [H, W, 3].
        blue_first: whether the pixels of both are B, G, R rather than R, G, B.
        start: first row of the frame.
        stop: row after the last.
    """
    size = frame.shape[1] * 3
    gains = np.empty((2, size), np.float32)
    offsets = np.empty((2, size), np.float32)
    held = np.full(2, -1, np.int32)
    above = 0
    for y in range(start, stop):
        if held[1 - above] == rows.first[y]:
            above = 1 - above
        for slot, row in ((above, rows.first[y]), (1 - above, rows.second[y])):
            if held[slot] != row:
                _stretch(restoration, row, columns, gains[slot], offsets[slot], blue_first)
                held[slot] = row
        below = 1 - above
        _apply(
            frame[y].reshape(-1),
            gains[above],
            gains[below],
            offsets[above],
            offsets[below],
            rows.weight[y],
            dehazed[y].reshape(-1),
        )


@numba.jit(**OPTIONS)
def _sum_rows(frame: Frames, rows: Taps, y: int, column_sums: Floats) -> None:
    """Sum the four rows under row y of the network, weighted, into [0, 1] / 4."""
    a, b = frame[rows.first[2 * y]].reshape(-1), frame[rows.second[2 * y]].reshape(-1)
    c, d = frame[rows.first[2 * y + 1]].reshape(-1), frame[rows.second[2 * y + 1]].reshape(-1)
    unit = np.float32(0.25 / 255.0)
    of_b, of_d = unit * rows.weight[2 * y], unit * rows.weight[2 * y + 1]
    of_a, of_c = unit - of_b, unit - of_d
    for i in range(len(column_sums)):
        column_sums[i] = (of_a * np.float32(a[i]) + of_b * np.float32(b[i])) + (
            of_c * np.float32(c[i]) + of_d * np.float32(d[i])
        )


@numba.jit([types.void(READ_FRAME, TAPS, TAPS, types.float32[:, :, ::1], *RANGE)], **OPTIONS)
def shrink_rows(
    frame: Frames, rows: Taps, columns: Taps, low_resolution: Floats, blue_first: bool, start: int, stop: int
) -> None:
    """Write rows [start, stop) of the frame as the network sees it.

    Args:
        frame: uint8 [H, W, 3].
        rows: `bilinear_taps(H, 2 h)`.
        columns: `bilinear_taps(W, 2 w)`.
        low_resolution: where to write, float32 [3, h, w], red first.
        blue_first: whether the pixels of the frame are B, G, R rather than R, G, B.
        start: first row of `low_resolution`.
        stop: row after the last.
    """
    column_sums = np.empty(frame.shape[1] * 3, np.float32)
    for y in range(start, stop):
        _sum_rows(frame, rows, y, column_sums)
        for x in range(low_resolution.shape[2]):
            left, right = 3 * columns.first[2 * x], 3 * columns.first[2 * x + 1]
            after_left, after_right = 3 * columns.second[2 * x], 3 * columns.second[2 * x + 1]
            of_left, of_right = columns.weight[2 * x], columns.weight[2 * x + 1]
            for c in range(3):
                value = column_sums[left + c] + column_sums[right + c]
                value += (column_sums[after_left + c] - column_sums[left + c]) * of_left
                value += (column_sums[after_right + c] - column_sums[right + c]) * of_right
                low_resolution[2 - c if blue_first else c, y, x] = value
