"""Let the ray lengths of a scene follow the edges of its picture, as a fog over it would show them."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core import optics
from dfs_core.data.depth import FAR_M, Floats
from dfs_core.data.guided_filter import guided_filter

ATTENUATION = 0.01
"""β of the fog through which the scene is refined, 1/m: the middle one of Foggy Cityscapes."""


def refine(length: Floats, image: NDArray[np.uint8]) -> Floats:
    """Return ray lengths whose transmission at β = 0.01 per metre is refined by the guided filter, metres, [H, W].

    Sakaridis et al. filter the transmission of the fog that they put in. A fog that is drawn later is not known here,
    so the transmission of a middle one is filtered and turned back into lengths: at its β the result is theirs, and at
    another β the edges are where they were. The window is 41 pixels in an image 2048 wide and in proportion elsewhere;
    the guide is the grey image, theirs is the coloured one.

    Args:
        length: metres along each ray, [H, W]; infinity for sky.
        image: the scene without fog, RGB uint8 [H, W, 3].

    Source: Sakaridis, Dai, Van Gool, IJCV 2018, section 3; t = exp(-β ℓ), hence ℓ = -ln t / β.
    """
    guide = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255.0)
    share = optics.transmission(length, attenuation=ATTENUATION)
    nearest = share.max()
    share = guided_filter(share, guide, radius=max(1, round(20 * length.shape[1] / 2048)), epsilon=1e-3)
    hidden = share <= math.exp(-ATTENUATION * FAR_M)
    refined = np.log(np.clip(share, 1e-6, nearest)) / np.float32(-ATTENUATION)
    return np.where(hidden, np.float32(np.inf), refined)
