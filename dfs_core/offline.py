"""Dehaze every frame of something that is already recorded, in order: what images, videos and bags have in common."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.fog_gate import FogGate
from dfs_core.runtime import Adjustment, Dehazer
from dfs_core.runtime.steadying import Steadying

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
        gate_hysteresis: share of `gate` below which the frames of a camera are passed on again once they were dehazed.
        strength: share of the fog that is taken away, in [0, 1].
        smoothing_s: time constant in seconds over which the dehazed frames of a camera are steadied; 0 not at all.
        masks: whether masks are written, too.
        quality: JPEG quality of what is written as JPEG, 1 to 100.
    """

    gate: float = DEFAULT_GATE
    gate_hysteresis: float = 0.8
    strength: float = 1.0
    smoothing_s: float = 0.0
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


class Course:
    """What is carried from frame to frame of one camera: whether the gate is open, and how the fog was."""

    def __init__(self) -> None:
        """Begin before the first frame."""
        self.gate = FogGate()
        self.steadying = Steadying()


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


def dehaze_frame(
    dehazer: Dehazer,
    frame: Frame,
    options: Options,
    tally: Tally,
    *,
    course: Course | None = None,
    stamp_s: float = 0.0,
) -> Answer:
    """Return a frame without fog, or itself when it has less than the gate asks for, and count it.

    Args:
        dehazer: the model.
        frame: RGB, uint8 [H, W, 3].
        options: how it is treated.
        tally: where it is counted.
        course: of the camera that it is the next frame of; a picture by itself if not given.
        stamp_s: when it was taken, seconds.

    Raises:
        FrameError: `frame` is not uint8 [H, W, 3].
        BackendError: the backend failed.
    """
    course = course or Course()
    steady = partial(course.steadying, stamp_s=stamp_s, time_constant_s=options.smoothing_s)
    adjustment = Adjustment(options.strength, steady if options.smoothing_s > 0.0 else None)
    result = dehazer(frame[np.newaxis], segment=options.masks, adjustments=[adjustment])
    attenuation = max(float(result.fog_density[0]), 0.0)  # of clear air, a model may say a little less than nothing
    is_clear = not course.gate(attenuation, opens_at=options.gate, hysteresis=options.gate_hysteresis)
    tally.frames += 1
    tally.gated += is_clear
    assert result.dehazed is not None, "it was asked for"  # noqa: S101
    dehazed = frame if is_clear else result.dehazed[0]
    return Answer(dehazed, None if result.mask is None else _full_size(result.mask[0], frame), is_clear)


def _full_size(mask: Frame, frame: Frame) -> Frame:
    """Return a mask [h, w] stretched to a frame's [H, W], without mixing class ids."""
    height, width = frame.shape[:2]
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
