"""How sure a figure of many pictures is: the same figure of pictures drawn anew, over and over, in flat memory."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 1000


class Bootstrap:
    """Sums over pictures, as they are and as drawn with replacement, for figures that are functions of sums.

    A draw takes each picture as often as a number of Poisson's distribution of mean 1 says, whatever the number of
    pictures, so that none has to be kept. A picture's numbers depend on seed and index alone: all that is measured on
    the same pictures shares its draws, and differences between rows can be bounded draw by draw.

    For a mean, add [value, 1] and divide the sums.

    Attributes:
        sums: [draws + 1, size]; row 0 is the plain sum over the pictures.
        pictures: how many were added.

    Source: N. Chamandy et al., "Estimating Uncertainty for Massive Data Streams", Google 2012; J. A. Hanley and B.
    MacGibbon, "Creating non-parametric bootstrap samples using Poisson frequencies", 2006. Pictures are taken to be
    independent; frames of one video are not, so that their intervals are too narrow.
    """

    def __init__(self, size: int, *, draws: int = DRAWS, seed: int = 0) -> None:
        self.sums: Floats = np.zeros((draws + 1, size))
        self.pictures = 0
        self._seed = seed

    def add(self, index: int, vector: Floats) -> None:
        """Add what one picture adds, [size].

        Args:
            index: of the picture among all, >= 0; the same wherever the same picture is added.
            vector: finite numbers.
        """
        weights = picture_weights(self._seed, index, len(self.sums) - 1)
        self.sums += np.multiply.outer(weights, vector)
        self.pictures += 1


def interval(values: Floats, level: float = 0.95) -> tuple[float, float] | None:
    """Return between which values a figure lies with the given probability; None if it is not defined in any draw.

    Args:
        values: the figure of each row of `Bootstrap.sums`, [draws + 1]; draws where it is not a number do not count.
        level: the share of the draws that lies between, in (0, 1).

    Source: B. Efron's percentile interval, with as many draws below it as above.
    """
    defined = values[1:][~np.isnan(values[1:])]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


@lru_cache(maxsize=16)
def picture_weights(seed: int, index: int, draws: int) -> Floats:
    """Return how often each draw takes a picture, [draws + 1]; the first is 1, which is no draw."""
    weights = np.ones(draws + 1)
    weights[1:] = np.random.default_rng([seed, index]).poisson(1.0, draws)
    weights.setflags(write=False)
    return weights
