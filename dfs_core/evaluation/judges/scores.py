"""What all judges have in common: class scores become a mask of the picture's size, and a confidence."""

import math
from abc import abstractmethod
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.evaluation.judges.judge import Image, Judge, Opinion

Floats = NDArray[np.float32]


class Scores(NamedTuple):
    """What a network says of one picture, at a size of its own.

    Attributes:
        classes: class scores, float32 [C, h, w]; the highest one is the class.
        colors: of a network that answers in colours, RGB in [-1, 1], float32 [3, h, w].
    """

    classes: Floats
    colors: Floats | None = None


class ScoreJudge(Judge):
    """A judge whose network gives class scores.

    Attributes:
        are_logits: whether the softmax of its scores is a probability; if not, its confidence is NaN.
    """

    are_logits = True

    def __call__(self, picture: Image) -> Opinion:
        """Label one picture, RGB uint8 [H, W, 3]."""
        height, width = picture.shape[:2]
        scores = self.scores(picture)
        mask = to_mask(scores.classes, height, width)
        confidence = mean_probability(scores.classes) if self.are_logits else math.nan
        if scores.colors is None:
            return Opinion(mask, confidence)
        colors = np.clip(_resize(scores.colors, height, width) * 127.5 + 127.5, 0.0, 255.0)
        return Opinion(mask, confidence, np.rint(colors).astype(np.uint8))

    @abstractmethod
    def scores(self, picture: Image) -> Scores:
        """Return what the network says of one picture, RGB uint8 [H, W, 3]."""


def to_mask(scores: Floats, height: int, width: int) -> Image:
    """Return class ids, uint8 [height, width]: scores [C, h, w], brought to that size bilinearly, and the highest one.

    The rule is that of `segmentation.mask_of`: half-pixel centres, no antialiasing, the lower id of equal scores.
    """
    return _resize(scores, height, width).argmax(axis=2).astype(np.uint8)


def mean_probability(scores: Floats) -> float:
    """Return the mean of the highest softmax probability of scores [C, h, w], at their own size."""
    below = np.exp(scores - scores.max(axis=0))
    return float(np.mean(1.0 / below.sum(axis=0), dtype=np.float64))


def _resize(planes: Floats, height: int, width: int) -> Floats:
    """Return planes [C, h, w] at another size, bilinearly, [height, width, C]."""
    picture = np.ascontiguousarray(np.moveaxis(planes, 0, 2), np.float32)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
