"""Steady dehazing over time: what a model says of one frame, in the light of what it said of the frames before.

Two numbers of a frame are smoothed, never its planes, so nothing that moved leaves a ghost:

- the transmission's level. By how much the optical depths ln(1/t) of this frame are those of the one before is their
  median ratio, which things that move do not shift. What this level does faster than the time constant is taken back.
- the airlight, which the camera's exposure shifts together with the whole frame. J becomes J · A' / A, by luminance:
  haze is subtracted as it is now, and the picture keeps the brightness that it had.

One without the other raises flicker: a model answers a change of exposure by transmission and airlight at once.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dfs_core.runtime.adjustment import Floats

MAX_GAP_S = 1.0
"""Seconds between two frames beyond which, as after a step back in time, nothing is carried over."""

CUT = 0.2
"""Mean change of ln(1/t) from one frame to the next that only another scene makes. Between consecutive frames of road
videos it was at most 0.15, and over cuts between them at least 0.23."""

_STEP = 4
"""Every how many rows and columns the planes are looked at."""

_LEAST_DEPTH = 0.1
"""Optical depth below which there is too little fog to learn from."""

_TRANSMISSION, _AIRLIGHT = 4, 5
"""Planes of a model's coefficients; files of before lack them."""

_LEAST_TRANSMISSION = 1e-3

_LEAST_PIXELS = 50
"""How many pixels must be in fog, so that it can be told from clear air."""


class Steadying:
    """Keeps what was seen of one camera; one thread at a time may call it."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._stamp_s = -math.inf
        self._depth: Floats | None = None
        self._level = 0.0  # how far ln of the optical depth is above its smoothed course
        self._airlight: float | None = None

    def __call__(self, restoration: Floats, *, stamp_s: float, time_constant_s: float) -> Floats:
        """Return a frame's coefficients, steadied; unchanged for the first frame, after a jump, and without fog.

        Args:
            restoration: a model's, float32 [6, h, w], or [4, h, w] of a gain that is 1 / t; only read.
            stamp_s: when the frame was taken, seconds.
            time_constant_s: of the exponential smoothing, above 0.
        """
        looked_at = restoration[:, ::_STEP, ::_STEP]
        depth = -np.log(_transmission(looked_at))
        airlight = _airlight(looked_at, depth > _LEAST_DEPTH)
        elapsed_s, before = stamp_s - self._stamp_s, self._depth
        self._stamp_s, self._depth = stamp_s, depth
        is_continued = 0.0 < elapsed_s <= MAX_GAP_S and before is not None and before.shape == depth.shape
        if airlight is None or before is None or not is_continued or float(abs(depth - before).mean()) > CUT:
            self._level, self._airlight = 0.0, airlight
            return restoration
        kept = math.exp(-elapsed_s / time_constant_s)
        self._level = kept * (self._level + _growth(before, depth))
        carried = airlight if self._airlight is None else self._airlight
        self._airlight = airlight + kept * (carried - airlight)
        return _steadied(restoration, airlight, math.exp(-self._level), self._airlight / airlight)


def _transmission(restoration: Floats) -> Floats:
    """Return t, [h, w]; where it is not told, it is 1 / gain."""
    told: Floats = (
        restoration[_TRANSMISSION] if len(restoration) > _TRANSMISSION else 1.0 / np.maximum(restoration[0], 1.0)
    )
    return np.clip(told, _LEAST_TRANSMISSION, 1.0)


def _airlight(restoration: Floats, where: NDArray[np.bool_]) -> float | None:
    """Return the luminance A, the median over the pixels in fog; None of few. Not told, offset = A (1 - gain)."""
    if np.count_nonzero(where) < _LEAST_PIXELS:
        return None
    seen = restoration[:, where]
    told = seen[_AIRLIGHT] if len(seen) > _AIRLIGHT else seen[1:].mean(axis=0) / (1.0 - seen[0])
    airlight = float(np.median(told))
    return airlight if airlight > 0.0 else None


def _growth(before: Floats, now: Floats) -> float:
    """Return ln of how much the optical depths grew, 0 where too few can be compared."""
    both = (before > _LEAST_DEPTH) & (now > _LEAST_DEPTH)
    if np.count_nonzero(both) < _LEAST_PIXELS:
        return 0.0
    return float(np.median(np.log(now[both] / before[both])))


def _steadied(restoration: Floats, airlight: float, depth_ratio: float, brightness: float) -> Floats:
    """Return the coefficients of J' = (A + (J - A) t / t') · brightness with t' = t ** depth_ratio."""
    ratio = np.power(_transmission(restoration), np.float32(1.0 - depth_ratio))
    adjusted = restoration.copy()
    adjusted[1:4] -= np.float32(airlight)
    adjusted[:4] *= ratio
    adjusted[1:4] += np.float32(airlight)
    adjusted[:4] *= np.float32(brightness)
    return adjusted
