"""The one interface that every backend has."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dfs_core.artifact import Artifact
from dfs_core.errors import FrameError
from dfs_core.runtime.adjustment import Adjustment, blend
from dfs_core.runtime.channel_order import copy_frame

_logger = logging.getLogger(__name__)

Frames = NDArray[np.uint8]
"""One frame or several in one array, uint8 [..., H, W, 3]."""

Batch = Frames | Sequence[Frames]
"""Frames of one size: an array [N, H, W, 3], or N arrays [H, W, 3] that lie wherever they are."""


@dataclass(frozen=True)
class Result:
    """What a model says of N frames.

    Attributes:
        dehazed: RGB frames without fog, uint8 [N, H, W, 3]; None when they were not asked for, or written elsewhere.
        mask: class ids of the dehazed frames at the network's size, uint8 [N, h, w]; None when not asked for.
        fog_density: attenuation coefficient β in 1/m, float32 [N].
    """

    dehazed: Frames | None
    mask: Frames | None
    fog_density: NDArray[np.float32]

    def of_frame(self, index: int) -> "Result":
        """Return what is said of one frame: a view, with N = 1."""
        one = slice(index, index + 1)
        dehazed, mask = self.dehazed, self.mask
        return Result(
            None if dehazed is None else dehazed[one], None if mask is None else mask[one], self.fog_density[one]
        )


class Dehazer(ABC):
    """A loaded model. One thread at a time may call it; close it when done, or use it as a context manager."""

    backend: ClassVar[str]
    """Name under which `load` knows it."""

    def __init__(self, artifact: Artifact, *, precision: str) -> None:
        """Remember what is being run, and in which number format ("fp32", "bf16", "fp16", "int8")."""
        self.artifact = artifact
        self.precision = precision
        self._told_of_steadying = False

    @property
    def engine(self) -> str:
        """Name of what was built of the model for this machine; empty where the file itself runs."""
        return ""

    @property
    def usual_frames(self) -> tuple[int, int, int]:
        """Frames that the model takes for certain, (N, H, W): what it can be tried on before the first have come."""
        return 1, 540, 960

    @property
    def steadies(self) -> bool:
        """Whether `Adjustment.steady` is heard: only where the frame is restored outside the graph."""
        return False

    @abstractmethod
    def __call__(
        self,
        frames: Batch,
        *,
        dehaze: bool = True,
        segment: bool = True,
        adjustments: Sequence[Adjustment] = (),
        out: Sequence[Frames] = (),
    ) -> Result:
        """Run the model on RGB frames; the frames are only read.

        Args:
            frames: N frames of one size, at least 1 x 1: uint8 [N, H, W, 3], or N of [H, W, 3].
            dehaze: whether the dehazed frames are wanted.
            segment: whether the mask is wanted. What is not wanted is not computed.
            adjustments: how each frame is restored, N of them; none for what the model says. They change the dehazed
                frames alone: mask and fog density are the model's.
            out: where the dehazed frames are written, N of `frames`' size, instead of into memory that is the result's
                own: RGB to index, uint8 [H, W, 3], C-contiguous or the view [..., ::-1] of what is. None of it may be
                a frame's memory. What it holds after an error is arbitrary.

        Raises:
            FrameError: `frames` are not uint8, or not of one size, or the adjustments are not as many, or `out` is
                not as described.
            BackendError: the backend failed.
        """

    def warm_up(self, height: int, width: int, *, batch: int = 1, dehaze: bool = True, segment: bool = True) -> None:
        """Do now what the first frames of that size, of which that is wanted, would otherwise wait for."""
        self(np.zeros((batch, height, width, 3), np.uint8), dehaze=dehaze, segment=segment)

    def close(self) -> None:  # noqa: B027 (most backends hold nothing that Python does not free)
        """Free what the model holds; it must not be called afterwards."""

    def _blend(self, frames: Batch, dehazed: Batch, adjustments: Sequence[Adjustment]) -> None:
        """Bring frames that the whole graph dehazed to their strengths, and tell once what cannot be done to them."""
        if not self._told_of_steadying and any(adjustment.steady is not None for adjustment in adjustments):
            self._told_of_steadying = True
            _logger.warning(
                "backend %s runs the whole graph of this model, so dehazing is not steadied over time; "
                "set smoothing_s to 0, or use the backend openvino",
                self.backend,
            )
        blend(frames, dehazed, adjustments)

    def _finished(
        self, frames: Batch, dehazed: Frames, adjustments: Sequence[Adjustment], out: Sequence[Frames]
    ) -> Frames | None:
        """Return frames that the whole graph dehazed at their strengths, or write them to where they were asked for."""
        self._blend(frames, dehazed, adjustments)
        for source, target in zip(dehazed, out, strict=False):  # none is asked for, or as many as there are
            copy_frame(source, target)
        return None if out else dehazed

    def __enter__(self) -> "Dehazer":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the model."""
        self.close()


def check_out(out: Sequence[Frames], count: int, height: int, width: int) -> None:
    """Refuse places for dehazed frames that are neither none nor one for each of `count`, of their size.

    Raises:
        FrameError: with what was found.
    """
    if not out:
        return
    fits = [frame.dtype == np.uint8 and frame.shape == (height, width, 3) and _can_be_filled(frame) for frame in out]
    if len(out) != count or not all(fits):
        told = " and ".join(dict.fromkeys(f"{frame.dtype} {list(frame.shape)}" for frame in out))
        raise FrameError(
            f"out must be {count} x uint8 [{height}, {width}, 3] that may be written and lie without gaps, "
            f"not {len(out)} x {told}"
        )


def _can_be_filled(frame: Frames) -> bool:
    return frame.flags.writeable and (frame.flags.c_contiguous or frame[..., ::-1].flags.c_contiguous)


def check_frames(frames: Batch) -> tuple[int, int, int]:
    """Return N, H and W of frames, after refusing what is not uint8 [N, H, W, 3] with N, H, W >= 1.

    Raises:
        FrameError: with the types and shapes that were found.
    """
    found = [frames] if isinstance(frames, np.ndarray) else [frame[None] for frame in frames]
    kinds = dict.fromkeys((frame.dtype.name, *frame.shape[1:]) for frame in found)
    first = found[0] if found else np.empty((0, 0, 0, 3), np.uint8)
    if len(kinds) != 1 or first.dtype != np.uint8 or first.ndim != 4 or first.shape[3] != 3 or 0 in first.shape:
        told = " and ".join(f"{frame.dtype} {list(frame.shape)}" for frame in found) or "none"
        raise FrameError(f"frames must be uint8 [N, H, W, 3] with N, H, W >= 1, not {told}")
    return sum(map(len, found)), first.shape[1], first.shape[2]
