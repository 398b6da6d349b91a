"""The one interface that every backend has."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dfs_core.artifact import Artifact
from dfs_core.errors import FrameError

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Result:
    """What a model says of N frames.

    Attributes:
        dehazed: RGB frames without fog, uint8 [N, H, W, 3]; None when they were not asked for.
        mask: class ids of the dehazed frames at the network's size, uint8 [N, h, w]; None when not asked for.
        fog_density: attenuation coefficient β in 1/m, float32 [N].
    """

    dehazed: Frames | None
    mask: Frames | None
    fog_density: NDArray[np.float32]


class Dehazer(ABC):
    """A loaded model. One thread at a time may call it; close it when done, or use it as a context manager."""

    backend: ClassVar[str]
    """Name under which `load` knows it."""

    def __init__(self, artifact: Artifact, *, precision: str) -> None:
        """Remember what is being run, and in which number format ("fp32", "bf16", "fp16", "int8")."""
        self.artifact = artifact
        self.precision = precision

    @abstractmethod
    def __call__(self, frames: Frames, *, dehaze: bool = True, segment: bool = True) -> Result:
        """Run the model on RGB frames, uint8 [N, H, W, 3], C-contiguous; the frames are only read.

        Args:
            frames: N frames of one size, at least 1 x 1.
            dehaze: whether the dehazed frames are wanted.
            segment: whether the mask is wanted. What is not wanted is not computed.

        Raises:
            FrameError: `frames` is not uint8 [N, H, W, 3].
            BackendError: the backend failed.
        """

    def warm_up(self, height: int, width: int, *, batch: int = 1) -> None:
        """Do now what the first frames of that size would otherwise wait for."""
        self(np.zeros((batch, height, width, 3), np.uint8))

    def close(self) -> None:  # noqa: B027 (most backends hold nothing that Python does not free)
        """Free what the model holds; it must not be called afterwards."""

    def __enter__(self) -> "Dehazer":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the model."""
        self.close()


def check_frames(frames: Frames) -> None:
    """Refuse what is not uint8 [N, H, W, 3] with N, H, W >= 1.

    Raises:
        FrameError: with the type and shape that were found.
    """
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape:
        raise FrameError(
            f"frames must be uint8 [N, H, W, 3] with N, H, W >= 1, not {frames.dtype} {list(frames.shape)}"
        )
