"""The sky behind the fog: no frame shows it, so it is guessed from how bright the scene is below, without its fog."""

import math

import torch
from torch.nn import functional as F

SCENE_NUMBERS = 12
"""How many numbers `scene_numbers` returns of a frame."""

SKY_LUMINANCE = 0.5
"""How far, in luminance, the sky above the horizon may be from the fog before it."""

SKY_CHROMA = 0.02
"""How much bluer than that, or redder, it may be: daylight varies so, but never towards green or purple, and skies in
fog are nearly grey. More is a cast."""

SKY_RISE = 0.8
"""How much brighter or darker, in luminance, it may be a frame's height farther up: under clouds the zenith is three
times as bright as the horizon (CIE's overcast sky), and a cloudless sky is brightest near the horizon."""

SKY_BRIGHTER = 0.12
"""How much brighter the sky may be than the fog before it: more would stand out against fog at trees."""

SKY_WHITEST = 0.97
"""How bright it may be with that: 247 of 255. A sky that is nearly white already would be blown."""

SKY_NOT_BELOW, SKY_WHOLE_FROM = 0.001, 0.003
"""β in 1/m up to which the frame is left to show its own sky, and from which on that is drawn: what a node's gate calls
fog."""

SKY_WHOLE_BELOW, SKY_NOT_ABOVE = 0.02, 0.06
"""β in 1/m up to which the sky is drawn, and from which on it keeps the fog's colour: its edge is not seen any more."""

_ROWS = 16
_PART = 4
"""Side of the parts of a scene, in blocks."""


def scene_numbers(
    blocks: torch.Tensor, airlight: torch.Tensor, transmission: torch.Tensor, hidden: torch.Tensor
) -> torch.Tensor:
    """Return what the scene below the sky is like without its fog, [N, 12]: mean, spread and brightest of its parts.

    A part is 4 x 4 blocks. It counts by the light that survives, and by there being more than fog to see; the airlight
    follows.
    """
    planes = (blocks, transmission, hidden)
    colors, share, fog = (F.avg_pool2d(plane.float(), _PART) for plane in planes)
    seen = (1.0 - fog) * share
    scene = ((colors - airlight) / share + airlight).clamp(0.0, 1.0)
    weights = seen / seen.sum(dim=(2, 3), keepdim=True).clamp(min=1e-3)
    mean = (weights * scene).sum(dim=(2, 3), keepdim=True)
    spread = (weights * (scene - mean).abs()).sum(dim=(2, 3))
    brightest = (seen * scene).amax(dim=(2, 3))
    return torch.cat([mean[:, :, 0, 0], spread, brightest, airlight[:, :, 0, 0].float()], dim=1)


def elevation() -> torch.Tensor:
    """Return how far above the horizon the rows of a frame are, in frame heights, [1, 1, 16, 1]: to be resized.

    The horizon is taken to be in the middle of the frame; below it is 0.
    """
    middles = (torch.arange(_ROWS) + 0.5) / _ROWS
    return (0.5 - middles).clamp(min=0.0).view(1, 1, _ROWS, 1)


def brighter_sky(told: torch.Tensor, airlight: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return by how much the sky is brighter than the fog before it, [N, 3, h, 1], were all of it drawn.

    Args:
        told: luminance at the horizon, how much bluer, and how much brighter a frame's height farther up, in [-1, 1],
            [N, 3, 1, 1].
        airlight: RGB in [0, 1], [N, 3, 1, 1].
        rows: what `elevation` returns, in as many rows as the frames have, [1, 1, h, 1].
    """
    luminance = SKY_LUMINANCE * told[:, :1] + SKY_RISE * told[:, 2:] * rows
    most = (SKY_WHITEST - airlight.mean(dim=1, keepdim=True)).clamp(0.0, SKY_BRIGHTER)
    bluer = SKY_CHROMA * told[:, 1:2]
    return _bounded(luminance, most) + torch.cat([-bluer, torch.zeros_like(bluer), bluer], dim=1)


def drawn_share(exponent: torch.Tensor, *, clearest: float) -> torch.Tensor:
    """Return how much of the sky's own colour is drawn, [N] in [0, 1], for β = `clearest` e^exponent, in 1/m."""
    appears = _grown(exponent, SKY_NOT_BELOW / clearest, SKY_WHOLE_FROM / clearest)
    return appears * _grown(exponent, SKY_NOT_ABOVE / clearest, SKY_WHOLE_BELOW / clearest)


def _bounded(numbers: torch.Tensor, most: torch.Tensor) -> torch.Tensor:
    """Return the numbers, none above `most`; gradients pass as if all were below, or what is above would not return."""
    bounded = torch.minimum(numbers, most)
    return numbers + (bounded - numbers).detach() if numbers.requires_grad else bounded


def _grown(exponent: torch.Tensor, none: float, whole: float) -> torch.Tensor:
    """Return 0 where e^exponent is at `none` or beyond it, 1 at `whole` or beyond that."""
    start, end = math.log(none), math.log(whole)
    return ((exponent - start) / (end - start)).clamp(0.0, 1.0)
