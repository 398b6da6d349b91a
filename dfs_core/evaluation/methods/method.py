"""What is compared: anything that takes a hazy frame and gives it back without fog."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfs_core.evaluation.results import HAZY
from dfs_core.labels import LabelSet

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Answer:
    """What a method makes of one frame.

    Attributes:
        dehazed: RGB, uint8 [H, W, 3], of the frame's size.
        mask: class ids that the method itself publishes, uint8 [h, w]; None if it has none.
        fog_density: the attenuation coefficient that it estimates, 1/m; None if it does not.
    """

    dehazed: Image
    mask: Image | None = None
    fog_density: float | None = None


@dataclass(frozen=True)
class Expense:
    """What a method costs for frames of one size; None where it cannot be said.

    Attributes:
        parameters: learned numbers.
        macs: multiply-accumulates of convolutions and matrix products for one frame.
    """

    parameters: int | None = None
    macs: int | None = None


class Method(ABC):
    """A dehazer under evaluation. One thread at a time may call it.

    Attributes:
        name: of its row.
        key: a text that differs whenever its answers may: the hash of its file, its settings. Answers are kept
            under it.
        source: where it comes from, for people: a file's name, or a paper.
        labels: what the ids in the masks that it publishes mean; None if it publishes none.
    """

    name: str
    key: str
    source: str
    labels: LabelSet | None = None

    @abstractmethod
    def __call__(self, frame: Image) -> Answer:
        """Dehaze one frame, RGB uint8 [H, W, 3], which is only read."""

    def expense(self, height: int, width: int) -> Expense:  # noqa: ARG002 (what costs nothing costs it for all sizes)
        """Return what a frame of that size costs."""
        return Expense()

    def close(self) -> None:  # noqa: B027 (most methods hold nothing that Python does not free)
        """Free what the method holds."""


class Untouched(Method):
    """The row `hazy`: the frame as it is, which every method has to beat."""

    name = HAZY
    key = "untouched"
    source = "the frame as it is"

    def __call__(self, frame: Image) -> Answer:
        """Return the frame itself."""
        return Answer(frame)

    def expense(self, height: int, width: int) -> Expense:  # noqa: ARG002
        """Return that it costs nothing."""
        return Expense(0, 0)
