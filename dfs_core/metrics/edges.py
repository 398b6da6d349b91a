"""Which edges of a picture a person can see: those with a contrast of 5 % or more.

Source: R. Köhler, "A Segmentation System Based on Thresholding", Computer Graphics and Image Processing 15, 1981, in
the windows of N. Hautière, J.-P. Tarel, D. Aubert, É. Dumont, Image Analysis & Stereology 27, 2008.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

CELL = 4
"""Windows are two cells wide and one cell apart, pixels."""

Luminance = NDArray[np.uint8]
Logarithm = NDArray[np.int16]

_WINDOW = 2 * CELL
_SCALE = 4096  # the largest at which logarithms of 8 bits fit into 16; the limit at 5 % is then 104 steps
_LOGARITHM = np.rint(_SCALE * np.log(np.maximum(np.arange(256), 1))).astype(np.int16)


def visible_edges(luminance: Luminance, threshold: float) -> NDArray[np.bool_]:
    """Return which pixels lie on a visible edge, [H, W].

    A threshold s separates two neighbouring pixels a <= s < b with the contrast min((s - a) / s, (b - s) / b), and a
    window with the mean over the pairs that it separates. When that is above half of `threshold`, all pixels that s
    separates are on a visible edge. Alone in its window, a step from a to b is seen when 1 - a / b is above
    `threshold`, to first order; a step of one level never is, as s is a whole number.

    Three things are simpler than in the paper, and make it some hundred times faster than its authors' code. Theirs
    tries all s in each window and keeps the one of the highest contrast; here it is the geometric mean of the
    window's strongest pair, which is the best one for that pair. Contrasts are averaged as logarithms, ln(s / a) and
    ln(b / s), and compared with the logarithm of the limit. Windows are 8 pixels wide, 4 apart; theirs 7 and 4.

    Args:
        luminance: 8 bits, [H, W]; 0 counts as 1, as nothing can be divided by it.
        threshold: the contrast that can just be seen, such as 0.05.
    """
    height, width = luminance.shape
    # A cell more on every side: each cell then lies in four windows. What is repeated has no contrast.
    below, right = CELL + -height % CELL, CELL + -width % CELL
    padded = cv2.copyMakeBorder(luminance, CELL + 1, below, CELL + 1, right, cv2.BORDER_REPLICATE)
    pixels = padded[1:, 1:]
    pairs = [(cv2.min(pixels, other), cv2.max(pixels, other)) for other in (padded[:-1, 1:], padded[1:, :-1])]
    logs = [(cv2.LUT(dark, _LOGARITHM), cv2.LUT(light, _LOGARITHM)) for dark, light in pairs]
    thresholds = _thresholds(pairs, logs)
    on_edge = [np.zeros(pixels.shape, np.uint8) for _ in pairs]
    limit = -_SCALE * math.log1p(-threshold / 2.0)
    for top, left in np.ndindex(2, 2):
        chosen = thresholds[top::2, left::2]
        rows, columns = (_WINDOW * count for count in chosen.shape)
        part = np.s_[CELL * top : CELL * top + rows, CELL * left : CELL * left + columns]
        split = cv2.resize(chosen, (columns, rows), interpolation=cv2.INTER_NEAREST)
        split_log = cv2.resize(_LOGARITHM[chosen], (columns, rows), interpolation=cv2.INTER_NEAREST)
        total = np.zeros(split.shape, np.int16)
        apart = []
        for (dark, light), (dark_log, light_log) in zip(pairs, logs, strict=True):
            apart.append(((dark[part] <= split) & (split < light[part])).view(np.uint8))
            each = np.minimum(split_log - dark_log[part], light_log[part] - split_log)
            total += np.maximum(each, 0, out=each)
        counts = cv2.resize(cv2.add(*apart) * _WINDOW**2, chosen.shape[::-1], interpolation=cv2.INTER_AREA)
        totals = cv2.resize(total.astype(np.float32), chosen.shape[::-1], interpolation=cv2.INTER_AREA) * _WINDOW**2
        seen = cv2.resize((totals > limit * counts).view(np.uint8), (columns, rows), interpolation=cv2.INTER_NEAREST)
        for mask, separated in zip(on_edge, apart, strict=True):
            mask[part] |= separated & seen
    upright, level = on_edge
    edges = upright | level
    edges[:-1] |= upright[1:]
    edges[:, :-1] |= level[:, 1:]
    return edges[CELL : CELL + height, CELL : CELL + width].view(np.bool_)


def _thresholds(pairs: list[tuple[Luminance, Luminance]], logs: list[tuple[Logarithm, Logarithm]]) -> Luminance:
    """Return the geometric mean of the strongest pair in each window, [windows down, windows across], rounded."""
    packed = []
    for (dark, light), (dark_log, light_log) in zip(pairs, logs, strict=True):
        strength = (light_log - dark_log) * (light - dark > 1)
        middle = cv2.exp((dark_log + light_log.astype(np.float32)) * np.float32(0.5 / _SCALE))
        # One number that sorts by strength and carries the threshold along; float32 holds it exactly.
        packed.append(strength * np.float32(256.0) + np.rint(middle))
    strongest = np.maximum(*packed)
    rows = np.maximum.reduce([strongest[row::CELL] for row in range(CELL)])
    cells = np.maximum.reduce([rows[:, column::CELL] for column in range(CELL)])
    cells = np.maximum(cells[:-1], cells[1:])
    return np.mod(np.maximum(cells[:, :-1], cells[:, 1:]), 256.0).astype(np.uint8)
