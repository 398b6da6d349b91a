"""Koschmieder's fog model: how light is lost and airlight gained along a ray.

Source: I = J t + A (1 - t), t = exp(-β ℓ); C. Sakaridis, D. Dai, L. Van Gool, "Semantic Foggy Scene Understanding
with Synthetic Data", IJCV 2018. ℓ is the length of the ray in metres, not the depth. All images are stored sRGB values
scaled to [0, 1], as in that work.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import FogError

CONTRAST_THRESHOLD = 0.05
"""Contrast at which an object is just visible: the definition of the meteorological optical range (WMO)."""

EXTINCTION_AT_THRESHOLD = -math.log(CONTRAST_THRESHOLD)
"""β · MOR, 2.996: the optical depth at which contrast has fallen to 5 %."""

FOG_MOR_M = 1000.0
"""Visibility below which the WMO speaks of fog, in metres."""

Floats = NDArray[np.float32]


def attenuation_from_mor(mor_m: float) -> float:
    """Return the attenuation coefficient β in 1/m of a meteorological optical range in metres; infinity gives 0.

    Raises:
        FogError: `mor_m` is not above 0.
    """
    if not mor_m > 0.0:
        raise FogError(f"meteorological optical range must be above 0 m, not {mor_m}")
    return EXTINCTION_AT_THRESHOLD / mor_m


def mor_from_attenuation(attenuation: float) -> float:
    """Return the meteorological optical range in metres of an attenuation coefficient β in 1/m; 0 gives infinity.

    Raises:
        FogError: `attenuation` is negative or not a number.
    """
    if not attenuation >= 0.0:
        raise FogError(f"attenuation must be at least 0 per metre, not {attenuation}")
    return math.inf if attenuation == 0.0 else EXTINCTION_AT_THRESHOLD / attenuation


def ray_length(depth: Floats, *, focal_px: float, center_px: tuple[float, float] | None = None) -> Floats:
    """Return the distance in metres from camera to surface along each pixel's ray, [H, W].

    Args:
        depth: metres along the optical axis, [H, W]; infinity for sky.
        focal_px: focal length in pixels, equal in x and y.
        center_px: principal point (x, y) in pixels; the middle of the image if not given.

    Raises:
        FogError: `focal_px` is not above 0, or `depth` is not [H, W].

    Source: ℓ = depth · sqrt(f² + (x - cx)² + (y - cy)²) / f.
    """
    if depth.ndim != 2:
        raise FogError(f"depth must be [H, W], not {list(depth.shape)}")
    if not focal_px > 0.0:
        raise FogError(f"focal length must be above 0 pixels, not {focal_px}")
    height, width = depth.shape
    center_x, center_y = center_px if center_px is not None else ((width - 1) / 2, (height - 1) / 2)
    x = (np.arange(width, dtype=np.float32) - np.float32(center_x)) / np.float32(focal_px)
    y = (np.arange(height, dtype=np.float32) - np.float32(center_y)) / np.float32(focal_px)
    stretch = np.sqrt(1.0 + x[None, :] ** 2 + y[:, None] ** 2)
    length: Floats = (depth * stretch).astype(np.float32, copy=False)
    return length


def transmission(length: Floats, *, attenuation: float | Floats) -> Floats:
    """Return the share of light that survives each ray, in [0, 1].

    Args:
        length: metres from camera to surface, [H, W]; infinity for sky.
        attenuation: β in 1/m, one number or the mean along each ray, [H, W].

    Raises:
        FogError: `attenuation` is negative or not finite, or a ray is of negative or unknown length.
    """
    beta = np.asarray(attenuation, np.float32)
    if not (np.isfinite(beta).all() and (beta >= 0.0).all()):
        raise FogError(f"attenuation must be finite and at least 0 per metre, not {attenuation}")
    if not (length >= 0.0).all():
        raise FogError(f"ray lengths must be at least 0 m, but {int((~(length >= 0.0)).sum())} are negative or unknown")
    with np.errstate(invalid="ignore"):  # 0 · ∞: no fog in front of the sky
        optical_depth = np.where(beta == 0.0, np.float32(0.0), beta * length)
    share: Floats = np.exp(-optical_depth).astype(np.float32, copy=False)
    return share


def add_fog(clear: Floats, transmission: Floats, airlight: Floats) -> Floats:
    """Return the hazy image I = J t + A (1 - t), [H, W, 3].

    Args:
        clear: J, [H, W, 3] in [0, 1].
        transmission: t, [H, W] in [0, 1].
        airlight: A, [3], or [H, W, 3] where it varies over the image, in [0, 1].
    """
    hazy = np.empty_like(clear)
    for channel in range(clear.shape[-1]):  # NumPy is slow where the last axis holds but three numbers
        light = airlight[..., channel]
        hazy[..., channel] = light + (clear[..., channel] - light) * transmission
    return hazy


def remove_fog(hazy: Floats, transmission: Floats, airlight: Floats, *, min_transmission: float = 0.1) -> Floats:
    """Return the clear image J = (I - A) / max(t, t0) + A, [H, W, 3]; where t < t0 some fog stays.

    Args:
        hazy: I, [H, W, 3] in [0, 1].
        transmission: t, [H, W] in [0, 1].
        airlight: A, [3] or [H, W, 3] in [0, 1].
        min_transmission: t0; keeps sensor noise from being amplified more than 1 / t0 times.

    Raises:
        FogError: `min_transmission` is not in (0, 1].
    """
    if not 0.0 < min_transmission <= 1.0:
        raise FogError(f"min_transmission must be in (0, 1], not {min_transmission}")
    share = np.maximum(transmission, np.float32(min_transmission))[..., None]
    clear: Floats = airlight + (hazy - airlight) / share
    return clear
