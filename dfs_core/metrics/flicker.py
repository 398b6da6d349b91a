"""How much a video flickers that was dehazed frame by frame, beside how much it flickered before.

Each frame is compared with the one before, brought to where its things are now. Where they are is asked of the input
alone: outputs that boil would spoil their own motion, and each would be judged by another one.

Source: the warping error of W.-S. Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018. There, squared
differences of colours, and motion and occlusion by FlowNet2; here absolute ones of the luminance, and DIS (T. Kroeger
et al., ECCV 2016) with the consistency of both directions.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import FrameError

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

CONSISTENT_SHARE, CONSISTENT_PX = 0.01, 0.5
"""A pixel is compared where |F + B|² <= share · (|F|² + |B|²) + px², F and B being the motion back and forth."""
LEAST_COMPARED = 0.25
"""Share of the pixels below which a pair is skipped: there was a cut, or a motion that cannot be followed. Over cuts
between road scenes at most 0.17 were consistent by chance, within the Udacity clips at least 0.48."""
MOST_CHANGED = 24.0
"""Levels by which the input may differ from its own past, on average, before the pair is skipped as a cut."""
FLAT = 1.0
"""Levels of luminance below whose standard deviation a frame has no contrast to divide by."""
SMALLEST = 12
"""Pixels that the longer side needs, or DIS finds no motion."""


@dataclass(frozen=True)
class Motion:
    """Where the things of a frame were in the one before.

    Attributes:
        places: of each pixel, in the frame before, [H, W, 2] as x, y.
        visible: whether it was seen there, [H, W].
    """

    places: Floats = field(repr=False)
    visible: NDArray[np.bool_] = field(repr=False)


@dataclass(frozen=True)
class Steadiness:
    """How one video kept from one frame to the next.

    Attributes:
        flicker: mean absolute difference of the luminance from the warped frame before, 8-bit levels.
        relative: the same in units of the contrast, the standard deviation of the luminance over the pixels compared:
            an output of twice the contrast has twice the differences, but looks no less steady. None where there is no
            contrast.
    """

    flicker: float
    relative: float | None


def find_motion(before: Image, now: Image) -> Motion | None:
    """Return how a video's input moved, or None if that cannot be found: the pair is then skipped for all outputs.

    It cannot where too little is seen in both frames (`LEAST_COMPARED`), the light changed (`MOST_CHANGED`), or frames
    are too small (`SMALLEST`).

    Args:
        before: the frame before, RGB uint8 [H, W, 3].
        now: this frame, likewise.

    Raises:
        FrameError: one of them is something else, or they differ in shape.
    """
    past, present = _luminances(before, now, now.shape[:2])
    if max(present.shape) < SMALLEST:
        return None
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    motion = _follow(flow.calc(present, past, None), flow.calc(past, present, None))
    if motion.visible.mean() < LEAST_COMPARED or _change(past, present, motion) > MOST_CHANGED:
        return None
    return motion


def measure_steadiness(before: Image, now: Image, motion: Motion) -> Steadiness:
    """Return how a video kept that was made of another one, or that one itself.

    Args:
        before: what was made of the frame before, RGB uint8 [H, W, 3].
        now: what was made of this frame, likewise.
        motion: of the input.

    Raises:
        FrameError: a picture is something else, or has another size than the input.
    """
    past, present = _luminances(before, now, motion.visible.shape)
    flicker, spread = _change(past, present, motion), float(present[motion.visible].std())
    return Steadiness(flicker, flicker / spread if spread >= FLAT else None)


def _luminances(before: Image, now: Image, size: tuple[int, ...]) -> tuple[Image, Image]:
    """Return the luminance of a pair, uint8 [H, W] each.

    Raises:
        FrameError: it is no pair of RGB pictures of that size.
    """
    for name, picture in (("the frame before", before), ("this frame", now)):
        if picture.dtype != np.uint8 or picture.shape != (*size, 3):
            raise FrameError(
                f"flicker compares RGB frames, uint8 {[*size, 3]}; {name} is {picture.dtype} {list(picture.shape)}"
            )
    return cv2.cvtColor(before, cv2.COLOR_RGB2GRAY), cv2.cvtColor(now, cv2.COLOR_RGB2GRAY)


def _follow(back: Floats, forth: Floats) -> Motion:
    """Return where each pixel was, and whether it was seen there.

    Args:
        back: motion from now to before, pixels, [H, W, 2].
        forth: motion from before to now, pixels, [H, W, 2].
    """
    height, width = back.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    places = cv2.merge([columns + back[..., 0], rows + back[..., 1]])
    inside = (places >= 0.0).all(axis=2) & (places[..., 0] <= width - 1) & (places[..., 1] <= height - 1)
    returned = cv2.remap(forth, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    gap = np.square(back + returned).sum(axis=2)
    lengths = np.square(back).sum(axis=2) + np.square(returned).sum(axis=2)
    return Motion(places, inside & (gap <= CONSISTENT_SHARE * lengths + CONSISTENT_PX**2))


def _change(past: Image, present: Image, motion: Motion) -> float:
    """Return by how many levels the pixels differ from where they were, the mean of those that were seen there."""
    # Not rounded to 8 bits: between pixels an interpolation has parts of levels.
    warped = cv2.remap(past.astype(np.float32), motion.places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return float(cv2.absdiff(present.astype(np.float32), warped)[motion.visible].mean())
