"""How near a painted label map is to the true one: the poster's figures of SEG-NET, as they should be and as they were.

SEG-NET paints its answer, in the colours of the classes. Both maps are RGB uint8 [H, W, 3]; the true one is what
`LabelSet.colorize` makes of labels. As in the poster, pixels without a label are black there and are counted, so that
whatever is painted on them is an error. All figures are of one picture; the poster's PSNR is of the mean error of each
batch, which is lower or equal. Report the mean over pictures.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dfs_core.metrics.image import HIGHEST_PSNR, psnr, ssim

Image = NDArray[np.uint8]

_HALF_RANGE = 255.0 / 2.0


def map_psnr(painted: Image, truth: Image) -> float:
    """Return the peak signal-to-noise ratio in dB; `HIGHEST_PSNR` when the maps are equal."""
    return min(psnr(painted, truth), HIGHEST_PSNR)


def map_ssim(painted: Image, truth: Image) -> float:
    """Return the structural similarity; 1 when the maps are equal."""
    return ssim(painted, truth)


def poster_psnr(painted: Image, truth: Image) -> float:
    """Return the PSNR in dB as the poster has it: a peak of 1 on values in [-1, 1], hence 6.02 dB less than is right.

    `HIGHEST_PSNR` when the maps are equal.
    """
    return min(psnr(painted, truth) - 20.0 * math.log10(2.0), HIGHEST_PSNR)


def poster_ssim(painted: Image, truth: Image) -> float:
    """Return the SSIM as the poster has it: a data range of 1 on values in [-1, 1]; 1 when the maps are equal.

    Middle grey is its zero, so that light and dark, of opposite signs, count as negative similarity. The window is that
    of `ssim`; the poster does not name its own.
    """
    return ssim(painted, truth, zero=_HALF_RANGE, data_range=_HALF_RANGE)
