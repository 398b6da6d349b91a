"""How much a video flickers that was dehazed frame by frame, beside how much it flickered before.

Each frame is compared with the one before, brought to where its things are now. Where they are is asked of the input
alone: outputs that boil would spoil their own motion, and each would be judged by another one.

Source: the warping error of W.-S. Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018. There, squared
differences of colours, and motion and occlusion by FlowNet2; here absolute ones of the luminance, and DIS (T. Kroeger
et al., ECCV 2016) with the consistency of both directions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import FrameError

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

INPUT = "input"
"""Name under which the input's own figures stand."""
CONSISTENT_SHARE, CONSISTENT_PX = 0.01, 0.5
"""A pixel is compared where |F + B|² <= share · (|F|² + |B|²) + px², F and B being the motion back and forth."""
LEAST_COMPARED = 0.25
"""Share of the pixels below which a pair is skipped: there was a cut, or a motion that cannot be followed. Over cuts
between road scenes at most 0.17 were consistent by chance, within the Udacity clips at least 0.48."""
MOST_CHANGED = 24.0
"""Levels by which the input may differ from its own past, on average, before the pair is skipped as a cut."""
FLAT = 1.0
"""Levels of luminance below whose standard deviation a frame has no contrast to divide by."""


@dataclass(frozen=True)
class Steadiness:
    """How one video kept.

    Attributes:
        flicker: mean absolute difference of the luminance from the warped frame before, 8-bit levels; None where no
            pair could be compared.
        relative: the same in units of the contrast, the standard deviation of the luminance over the pixels compared,
            by pair: an output of twice the contrast has twice the differences, but looks no less steady. None where no
            pair had a contrast.
    """

    flicker: float | None
    relative: float | None


@dataclass
class _Sums:
    before: Image
    flicker: list[float] = field(default_factory=list)
    relative: list[float] = field(default_factory=list)


class Flicker:
    """Measures a video and what became of it, frame by frame; it keeps one frame of each and two numbers a pair.

    Attributes:
        compared: pairs of frames that went into the figures.
        skipped: pairs that did not, as the motion between them could not be found; see `LEAST_COMPARED` and
            `MOST_CHANGED`.
    """

    def __init__(self) -> None:
        self.compared = 0
        self.skipped = 0
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._videos: dict[str, _Sums] = {}

    def add(self, frame: Image, outputs: Mapping[str, Image]) -> None:
        """Take the next frame and what was made of it, by name; all RGB uint8 [H, W, 3] of one shape, always.

        Raises:
            FrameError: a shape or the names differ from what came before, or an output is called `INPUT`.
        """
        if INPUT in outputs:
            raise FrameError(f"an output cannot be called '{INPUT}', that is the name of the frame itself")
        now = {name: _luminance(name, picture, frame) for name, picture in {INPUT: frame, **outputs}.items()}
        if not self._videos:
            self._videos = {name: _Sums(luminance) for name, luminance in now.items()}
            return
        past = self._videos[INPUT].before
        if past.shape != now[INPUT].shape or self._videos.keys() != now.keys():
            raise FrameError(
                f"the frame before was {list(past.shape)} with outputs {sorted(self._videos)}, this one is "
                f"{list(now[INPUT].shape)} with {sorted(now)}; measure each video with its own Flicker"
            )
        self._compare(now)
        for name, luminance in now.items():
            self._videos[name].before = luminance

    def result(self) -> dict[str, Steadiness]:
        """Return the figures of the input, first, and of every output; empty where no frame came."""
        return {name: Steadiness(_mean(sums.flicker), _mean(sums.relative)) for name, sums in self._videos.items()}

    def _compare(self, now: Mapping[str, Image]) -> None:
        """Measure all videos over the same pixels, or skip them all."""
        past = self._videos[INPUT].before
        back, forth = self._flow.calc(now[INPUT], past, None), self._flow.calc(past, now[INPUT], None)
        places, visible = _follow(back, forth)
        changes = {name: _change(self._videos[name].before, luminance, places) for name, luminance in now.items()}
        if visible.mean() < LEAST_COMPARED or changes[INPUT][visible].mean() > MOST_CHANGED:
            self.skipped += 1
            return
        self.compared += 1
        for name, luminance in now.items():
            flicker = float(changes[name][visible].mean())
            self._videos[name].flicker.append(flicker)
            spread = float(luminance[visible].std())
            if spread >= FLAT:
                self._videos[name].relative.append(flicker / spread)


def _luminance(name: str, picture: Image, frame: Image) -> Image:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape != frame.shape:
        raise FrameError(
            f"'{name}' must be uint8 {list(frame.shape)} as its input, not {picture.dtype} {list(picture.shape)}"
        )
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def _follow(back: Floats, forth: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return where each pixel was, [H, W, 2] as x, y, and whether it was seen there, [H, W].

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
    return places, inside & (gap <= CONSISTENT_SHARE * lengths + CONSISTENT_PX**2)


def _change(before: Image, luminance: Image, places: Floats) -> Floats:
    """Return by how many levels each pixel differs from where it was, [H, W]."""
    # Not rounded to 8 bits: between pixels an interpolation has parts of levels.
    warped = cv2.remap(before.astype(np.float32), places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.absdiff(luminance.astype(np.float32), warped)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
