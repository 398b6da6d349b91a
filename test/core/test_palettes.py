"""Palettes: the same classes in colours that are told apart by whoever looks at them."""

from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
import pytest

from dfs_core.errors import LabelError
from dfs_core.labels import CAMVID_11, CITYSCAPES_19, LabelClass, LabelSet
from dfs_core.palettes import PALETTES, in_palette

VISIONS = {
    "trichromacy": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
"""What remains of linear RGB (Machado et al., 2009, severity 1)."""


def least_distance(labels: LabelSet, vision: str) -> float:
    """Return how far apart in CIELAB the two classes are, or one and black, that look most alike."""
    srgb = np.array([label.color for label in labels.classes] + [(0, 0, 0)]) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(VISIONS[vision]), 0.0, 1.0).astype(np.float32)
    lab = cv2.cvtColor(seen[None], cv2.COLOR_LRGB2LAB)[0]
    return min(float(np.linalg.norm(one - other)) for one, other in combinations(lab, 2))


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("labels", [CAMVID_11, CITYSCAPES_19], ids=lambda labels: labels.name)
def test_the_colorblind_tell_the_classes_apart(labels: LabelSet, vision: str) -> None:
    assert least_distance(in_palette(labels, "colorblind"), vision) > 16.0
    assert least_distance(labels, "protanopia") < 4.0, "which their own colours do not allow"


@pytest.mark.parametrize("palette", PALETTES)
def test_only_the_colours_change(palette: str) -> None:
    changed = in_palette(CITYSCAPES_19, palette)
    own = zip(changed.classes, CITYSCAPES_19.classes, strict=True)
    assert replace(changed, classes=tuple(replace(new, color=old.color) for new, old in own)) == CITYSCAPES_19
    assert (changed == CITYSCAPES_19) == (palette == "labels")
    assert changed.instance_shares.tolist() == CITYSCAPES_19.instance_shares.tolist()


def test_there_may_be_more_classes_than_colours() -> None:
    many = LabelSet("many", tuple(LabelClass(f"class {number}", (0, 0, 0), "") for number in range(45)))
    colors = [label.color for label in in_palette(many, "colorblind").classes]
    assert colors[0] == colors[20] == colors[40]


def test_an_unknown_palette_is_refused_in_words() -> None:
    with pytest.raises(LabelError, match="there is no palette 'rainbow', only labels, colorblind"):
        in_palette(CAMVID_11, "rainbow")
