"""Label sets: the classes a mask can hold, with names, ids, palette and categories."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dfs_core.errors import LabelError

UNLABELLED = 255
"""The id of pixels that have no class; vision_msgs calls it UNLABELED."""

Color = tuple[int, int, int]


@dataclass(frozen=True)
class LabelClass:
    """One class: what it is called, the RGB colour it is drawn in, and the category that it belongs to.

    Attributes:
        name: unique in its set.
        color: RGB, 0–255.
        category: the Cityscapes category.
        instance_share: how much of a picture one thing of the class covers on average, in (0, 1]; None if the class is
            not made of things, or none were measured. It is about data, not about what the class is: classes that
            differ in it alone are equal.
    """

    name: str
    color: Color
    category: str
    instance_share: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class LabelSet:
    """Classes in the order of their ids, 0 first."""

    name: str
    classes: tuple[LabelClass, ...]

    def __post_init__(self) -> None:
        """Refuse an empty set, double names, and more classes than a mask can hold."""
        names = [label.name for label in self.classes]
        if not 0 < len(names) < UNLABELLED:
            raise LabelError(f"label set '{self.name}' must hold 1 to {UNLABELLED - 1} classes, not {len(names)}")
        if doubles := sorted({name for name in names if names.count(name) > 1}):
            raise LabelError(f"label set '{self.name}' names these classes twice: {', '.join(doubles)}")
        for label in self.classes:
            if len(label.color) != 3 or not all(0 <= channel <= 255 for channel in label.color):
                raise LabelError(
                    f"label set '{self.name}': colour of '{label.name}' must be 3 numbers in 0..255, not {label.color}"
                )

    def __len__(self) -> int:
        """Return the number of classes."""
        return len(self.classes)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The class names in the order of their ids."""
        return tuple(label.name for label in self.classes)

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """RGB by id, uint8 [256, 3]; ids without a class are black."""
        table = np.zeros((256, 3), np.uint8)
        table[: len(self.classes)] = [label.color for label in self.classes]
        table.setflags(write=False)
        return table

    @cached_property
    def instance_shares(self) -> NDArray[np.float32]:
        """How much of a picture one thing covers on average, by id, [256]; 0 for ids that are not of things."""
        table = np.zeros(256, np.float32)
        table[: len(self.classes)] = [label.instance_share or 0.0 for label in self.classes]
        table.setflags(write=False)
        return table

    def id_of(self, name: str) -> int:
        """Return the id of a class.

        Raises:
            LabelError: there is no class of that name.
        """
        if name not in self.names:
            raise LabelError(f"label set '{self.name}' has no class '{name}', only {', '.join(self.names)}")
        return self.names.index(name)

    def ids_of(self, *names: str) -> tuple[int, ...]:
        """Return the ids of several classes."""
        return tuple(self.id_of(name) for name in names)

    def colorize(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the colour picture [..., 3] of a mask of class ids [...]."""
        return self.palette[mask]


CAMVID_11 = LabelSet(
    "camvid-11",
    (
        LabelClass("sky", (70, 130, 180), "sky"),
        LabelClass("building", (70, 70, 70), "construction"),
        LabelClass("pole", (153, 153, 153), "object"),
        LabelClass("road", (128, 64, 128), "flat"),
        LabelClass("pavement", (244, 35, 232), "flat"),
        LabelClass("tree", (107, 142, 35), "nature"),
        LabelClass("sign", (220, 220, 0), "object"),
        LabelClass("fence", (190, 153, 153), "construction"),
        LabelClass("car", (0, 0, 142), "vehicle", 0.01278),
        LabelClass("pedestrian", (220, 20, 60), "human", 0.00151),
        LabelClass("bicyclist", (255, 0, 0), "human", 0.00376),
    ),
)
"""CamVid's eleven evaluated classes (Badrinarayanan et al., SegNet), drawn in Cityscapes' colours.

The average sizes of things are the mean of `instance_shares(components(labels, CAMVID_11))[1:]` over the 351 frames of
its training split: 1679 cars, 1371 pedestrians, 264 bicyclists; cars parked in a row count as one.
"""

_CITYSCAPES_PIXELS = 2048 * 1024

CITYSCAPES_19 = LabelSet(
    "cityscapes-19",
    (
        LabelClass("road", (128, 64, 128), "flat"),
        LabelClass("sidewalk", (244, 35, 232), "flat"),
        LabelClass("building", (70, 70, 70), "construction"),
        LabelClass("wall", (102, 102, 156), "construction"),
        LabelClass("fence", (190, 153, 153), "construction"),
        LabelClass("pole", (153, 153, 153), "object"),
        LabelClass("traffic light", (250, 170, 30), "object"),
        LabelClass("traffic sign", (220, 220, 0), "object"),
        LabelClass("vegetation", (107, 142, 35), "nature"),
        LabelClass("terrain", (152, 251, 152), "nature"),
        LabelClass("sky", (70, 130, 180), "sky"),
        LabelClass("person", (220, 20, 60), "human", 3462.4756337644 / _CITYSCAPES_PIXELS),
        LabelClass("rider", (255, 0, 0), "human", 3930.4788056518 / _CITYSCAPES_PIXELS),
        LabelClass("car", (0, 0, 142), "vehicle", 12794.0202738185 / _CITYSCAPES_PIXELS),
        LabelClass("truck", (0, 0, 70), "vehicle", 27855.1264367816 / _CITYSCAPES_PIXELS),
        LabelClass("bus", (0, 60, 100), "vehicle", 35732.1511111111 / _CITYSCAPES_PIXELS),
        LabelClass("train", (0, 80, 100), "vehicle", 67583.7075812274 / _CITYSCAPES_PIXELS),
        LabelClass("motorcycle", (0, 0, 230), "vehicle", 6298.7200839748 / _CITYSCAPES_PIXELS),
        LabelClass("bicycle", (119, 11, 32), "vehicle", 4672.3249222261 / _CITYSCAPES_PIXELS),
    ),
)
"""Cityscapes' nineteen evaluated classes in the order of their trainIds.

The average sizes of things, in pixels of a full picture, are those of the official evaluation (`avgClassSize` in
cityscapesscripts).
"""

LABEL_SETS = {labels.name: labels for labels in (CAMVID_11, CITYSCAPES_19)}
