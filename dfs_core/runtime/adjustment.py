"""What a caller may change about how a frame is restored: how much of the fog goes, and how steady that is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import FrameError

Floats = NDArray[np.float32]
_Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Adjustment:
    """How one frame is restored.

    Attributes:
        strength: share of the fog that is taken away, in [0, 1]: 0 leaves the frame as it is, 1 is what the model says.
        steady: returns what is to be taken for a frame's `restoration`, float32 [4 or 6, h, w], in the light of those
            of frames before it; they are only read. None takes them as they are. Only backends with `steadies` call it.
    """

    strength: float = 1.0
    steady: Callable[[Floats], Floats] | None = None

    def __post_init__(self) -> None:
        """Refuse a strength that is none."""
        if not 0.0 <= self.strength <= 1.0:
            raise FrameError(f"strength must be in [0, 1], not {self.strength}")

    def __call__(self, restoration: Floats) -> Floats:
        """Return a frame's `restoration`, float32 [4 or 6, h, w], adjusted; the very same where there is nothing to do.

        At strength s of J = gain · I + offset the frame becomes (1 - s) I + s J, of gain 1 + s (gain - 1).
        """
        if self.steady is not None:
            restoration = self.steady(restoration)
        if self.strength == 1.0:
            return restoration
        adjusted: Floats = restoration * np.float32(self.strength)
        adjusted[0] += np.float32(1.0 - self.strength)
        return adjusted


_NONE = Adjustment()


def check_adjustments(adjustments: Sequence[Adjustment], count: int) -> None:
    """Refuse adjustments that are neither none nor one for each of `count` frames.

    Raises:
        FrameError: with both numbers.
    """
    if adjustments and len(adjustments) != count:
        raise FrameError(f"{count} frames need as many adjustments, or none, not {len(adjustments)}")


def adjust(restoration: Floats, adjustments: Sequence[Adjustment]) -> Floats:
    """Return the `restoration` of N frames, float32 [N, 4 or 6, h, w], adjusted, or the very same."""
    if all(adjustment == _NONE for adjustment in adjustments):
        return restoration
    return np.stack([adjustment(planes) for adjustment, planes in zip(adjustments, restoration, strict=True)])


def blend(
    frames: Sequence[_Bytes] | _Bytes, dehazed: Sequence[_Bytes] | _Bytes, adjustments: Sequence[Adjustment]
) -> None:
    """Bring whole dehazed frames to the strengths asked for, in place; no adjustments leave them as they are.

    Args:
        frames: N frames as they came, uint8 [H, W, 3] each.
        dehazed: what the model made of them, N of uint8 [H, W, 3].
        adjustments: one for each frame, or none.
    """
    if all(adjustment.strength == 1.0 for adjustment in adjustments):
        return
    import cv2  # here, as a start should not wait for it

    for frame, target, adjustment in zip(frames, dehazed, adjustments, strict=True):
        if adjustment.strength != 1.0:
            target[:] = cv2.addWeighted(target, adjustment.strength, frame, 1.0 - adjustment.strength, 0.0)
