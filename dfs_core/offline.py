"""Dehaze every frame of something that is already recorded, in order: what images, videos and bags have in common."""

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.runtime import Dehazer

Frame = NDArray[np.uint8]

DEFAULT_GATE = 0.003
"""Attenuation in 1/m at a visibility of 1000 m, where fog begins."""

Advance = Callable[[], None]
"""Called after every frame, for a progress bar."""


@dataclass(frozen=True)
class Options:
    """How frames are treated.

    Attributes:
        gate: frames with less fog than this, in 1/m, are passed on as they are, because dehazing harms clear images.
        masks: whether masks are written, too.
        quality: JPEG quality of what is written as JPEG, 1 to 100.
    """

    gate: float = DEFAULT_GATE
    masks: bool = True
    quality: int = 90


@dataclass
class Tally:
    """What became of the frames.

    Attributes:
        frames: how many were dehazed or passed on by the gate.
        gated: how many of them were passed on by the gate.
        bad: what was wrong with those that could not be read, which were passed through.
        notes: what else the user should know.
    """

    frames: int = 0
    gated: int = 0
    bad: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """What becomes of one frame.

    Attributes:
        dehazed: RGB, uint8 [H, W, 3].
        mask: class ids of the same pixels, uint8 [H, W]; None when not asked for.
        passed: whether the gate passed the frame on, so that `dehazed` is the frame itself.
    """

    dehazed: Frame
    mask: Frame | None
    passed: bool


def dehaze_frame(dehazer: Dehazer, frame: Frame, options: Options, tally: Tally) -> Answer:
    """Return a frame without fog, or itself when it has less than the gate asks for, and count it.

    Raises:
        FrameError: `frame` is not uint8 [H, W, 3].
        BackendError: the backend failed.
    """
    result = dehazer(frame[np.newaxis], segment=options.masks)
    is_clear = bool(result.fog_density[0] < options.gate)
    tally.frames += 1
    tally.gated += is_clear
    assert result.dehazed is not None, "it was asked for"  # noqa: S101
    dehazed = frame if is_clear else result.dehazed[0]
    return Answer(dehazed, None if result.mask is None else _full_size(result.mask[0], frame), is_clear)


def _full_size(mask: Frame, frame: Frame) -> Frame:
    """Return a mask [h, w] stretched to a frame's [H, W], without mixing class ids."""
    height, width = frame.shape[:2]
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
