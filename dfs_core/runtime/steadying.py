"""Steady dehazing over time: what a model says of one frame, in the light of what it said of the frames before.

Two numbers of a frame are smoothed, never its planes, so nothing that moved leaves a ghost:

- the transmission's level. By how much the optical depths ln(1/t) of this frame are those of the one before is their
  median ratio, which things that move do not shift. What this level does faster than the time constant is taken back.
- the airlight, which the camera's exposure shifts together with the whole frame. J becomes J · A' / A, by luminance:
  haze is subtracted as it is now, and the picture keeps the brightness that it had.

One without the other raises flicker: a model answers a change of exposure by transmission and airlight at once.
Pixels whose gain is cut off at `MOST_GAIN` tell no level, and of the airlight only how exposure changes it: they are
asked where there are no others.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dfs_core.artifact import MOST_GAIN
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

_CUT_OFF = math.log(MOST_GAIN)
"""Optical depth that a pixel shows which is at least as deep in fog."""

_LEAST_PIXELS = 50


class Steadying:
    """Keeps what was seen of one camera; one thread at a time may call it."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._stamp_s = -math.inf
        self._depth: Floats | None = None
        self._level = 0.0  # how far ln of the optical depth is above its smoothed course
        self._airlight: float | None = None
        self._was_told = True  # by pixels whose gain is not cut off

    def __call__(self, restoration: Floats, *, stamp_s: float, time_constant_s: float) -> Floats:
        """Return a frame's gain and offset, steadied; unchanged for the first frame, after a jump, and without fog.

        Args:
            restoration: gain, then offset of R, G and B, float32 [4, h, w]; only read.
            stamp_s: when the frame was taken, seconds.
            time_constant_s: of the exponential smoothing, above 0.
        """
        looked_at = restoration[:, ::_STEP, ::_STEP]
        depth = np.log(np.maximum(looked_at[0], 1.0))
        where = _is_told(depth)
        is_told = bool(np.count_nonzero(where) >= _LEAST_PIXELS)
        airlight = _airlight(looked_at, where if is_told else depth > _LEAST_DEPTH)
        carried, self._was_told = self._airlight if is_told == self._was_told else None, is_told
        elapsed_s, before = stamp_s - self._stamp_s, self._depth
        self._stamp_s, self._depth = stamp_s, depth
        is_continued = 0.0 < elapsed_s <= MAX_GAP_S and before is not None and before.shape == depth.shape
        if airlight is None or before is None or not is_continued or float(abs(depth - before).mean()) > CUT:
            self._level, self._airlight = 0.0, airlight
            return restoration
        kept = math.exp(-elapsed_s / time_constant_s)
        self._level = kept * (self._level + _growth(before, depth))
        self._airlight = airlight if carried is None else airlight + kept * (carried - airlight)
        brightness = self._airlight / airlight
        if not is_told:
            return restoration * np.float32(brightness)
        return _steadied(restoration, airlight, math.exp(-self._level), brightness)


def _is_told(depth: Floats) -> NDArray[np.bool_]:
    """Return where there is enough fog to learn from, and the gain is not cut off."""
    told: NDArray[np.bool_] = (depth > _LEAST_DEPTH) & (abs(depth - _CUT_OFF) > 1e-4)
    return told


def _airlight(restoration: Floats, where: NDArray[np.bool_]) -> float | None:
    """Return the luminance A of offset = A (1 - gain), the median over some pixels; None of few.

    Where the gain is cut off, the offset has what it lacks: that makes A too bright, yet in proportion to the exposure.
    """
    if np.count_nonzero(where) < _LEAST_PIXELS:
        return None
    airlight = float(np.median(restoration[1:, where].mean(axis=0) / (1.0 - restoration[0, where])))
    return airlight if airlight > 0.0 else None


def _growth(before: Floats, now: Floats) -> float:
    """Return ln of how much the optical depths grew, 0 where too few can be compared."""
    both = _is_told(before) & _is_told(now)
    if np.count_nonzero(both) < _LEAST_PIXELS:
        return 0.0
    return float(np.median(np.log(now[both] / before[both])))


def _steadied(restoration: Floats, airlight: float, depth_ratio: float, brightness: float) -> Floats:
    """Return the coefficients of t' = t ** depth_ratio, times the brightness; what the sky gains stays."""
    gain = np.maximum(restoration[0], 1.0)
    steady = np.power(gain, np.float32(depth_ratio))
    adjusted = np.empty_like(restoration)
    adjusted[0] = steady
    adjusted[1:] = restoration[1:] + np.float32(airlight) * (gain - steady)
    adjusted *= np.float32(brightness)
    return adjusted
