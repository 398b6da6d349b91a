"""Who judges: a segmenter that looks at pictures of any origin and labels them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfs_core.labels import LabelSet

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Opinion:
    """What a judge sees in one picture.

    Attributes:
        mask: class ids, uint8 [H, W], of the picture's size.
        confidence: mean over the pixels of the probability of the class that was chosen, in [0, 1]; NaN
            of a judge whose scores make no probabilities.
        painting: what a judge that answers in colours painted, RGB uint8 [H, W, 3]; None of one that answers in
            classes.
    """

    mask: Image
    confidence: float
    painting: Image | None = None


class Judge(ABC):
    """A segmenter. One thread at a time may call it.

    Attributes:
        name: what its rows call it.
        key: a text that differs whenever its opinions may: the hash of its file, its settings. Opinions are kept
            under it.
        source: its file, for people.
        labels: what the ids in its masks mean.
    """

    name: str
    key: str
    source: str
    labels: LabelSet

    @abstractmethod
    def __call__(self, picture: Image) -> Opinion:
        """Label one picture, RGB uint8 [H, W, 3], which is only read."""

    def close(self) -> None:  # noqa: B027 (most judges hold nothing that Python does not free)
        """Free what the judge holds."""
