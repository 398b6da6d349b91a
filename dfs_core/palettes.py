"""Other colours for the classes of a label set than its own."""

from dataclasses import replace
from functools import lru_cache

from dfs_core.errors import LabelError
from dfs_core.labels import Color, LabelSet

OWN, COLORBLIND = "labels", "colorblind"

PALETTES = (OWN, COLORBLIND)
"""The names of the palettes: "labels" are a label set's own colours."""

_COLORBLIND: tuple[Color, ...] = (
    *((86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167)),
    *((0, 0, 255), (240, 255, 180), (0, 0, 75), (90, 45, 0), (240, 255, 255), (0, 30, 165), (60, 120, 255)),
    *((75, 60, 90), (75, 195, 105), (255, 165, 180), (75, 75, 60), (0, 15, 45), (255, 255, 135)),
)
"""By class id: the seven of Okabe and Ito (2008), then, one after the other, the colour of a lattice in RGB whose least
distance in CIELAB from those before and from black, as people with either red-green blindness or none see it, is the
largest. Any two are at least 17 apart; of Cityscapes' own colours some are 3."""


@lru_cache(maxsize=64)
def in_palette(labels: LabelSet, palette: str) -> LabelSet:
    """Return the same classes in the colours of a palette; "colorblind" has 20 and begins again after them.

    Raises:
        LabelError: there is no such palette.
    """
    if palette == OWN:
        return labels
    if palette != COLORBLIND:
        raise LabelError(f"there is no palette '{palette}', only {', '.join(PALETTES)}")
    classes = (
        replace(label, color=_COLORBLIND[number % len(_COLORBLIND)]) for number, label in enumerate(labels.classes)
    )
    return replace(labels, classes=tuple(classes))
