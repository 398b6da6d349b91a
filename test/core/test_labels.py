"""Label sets against the published lists, and what is refused."""

import numpy as np
import pytest

from dfs_core.errors import LabelError
from dfs_core.labels import CAMVID_11, CITYSCAPES_19, LABEL_SETS, UNLABELLED, LabelClass, LabelSet

CITYSCAPES_TRAIN_IDS = (
    "road sidewalk building wall fence pole traffic_light traffic_sign vegetation terrain sky person rider car "
    "truck bus train motorcycle bicycle"
)
CITYSCAPES_CATEGORIES = {"flat", "construction", "object", "nature", "sky", "human", "vehicle"}


def label(name, color=(1, 2, 3)):
    return LabelClass(name, color, "object")


def test_cityscapes_classes_stand_in_the_order_of_their_train_ids():
    assert [name.replace(" ", "_") for name in CITYSCAPES_19.names] == CITYSCAPES_TRAIN_IDS.split()


def test_cityscapes_classes_have_their_published_colours():
    assert CITYSCAPES_19.palette[CITYSCAPES_19.id_of("road")].tolist() == [128, 64, 128]
    assert CITYSCAPES_19.palette[CITYSCAPES_19.id_of("bicycle")].tolist() == [119, 11, 32]


def test_camvid_has_the_eleven_classes_of_segnet():
    expected = "sky building pole road pavement tree sign fence car pedestrian bicyclist"
    assert " ".join(CAMVID_11.names) == expected


@pytest.mark.parametrize("labels", LABEL_SETS.values(), ids=LABEL_SETS)
def test_every_class_has_a_category_of_cityscapes_and_a_colour_of_its_own(labels):
    assert {entry.category for entry in labels.classes} <= CITYSCAPES_CATEGORIES
    assert len({entry.color for entry in labels.classes}) == len(labels)
    assert LABEL_SETS[labels.name] is labels


def test_a_mask_is_drawn_in_the_palette_and_the_unlabelled_in_black():
    mask = np.array([[0, 3], [UNLABELLED, 8]], np.uint8)
    picture = CAMVID_11.colorize(mask)
    assert picture.dtype == np.uint8
    assert picture.tolist() == [[[70, 130, 180], [128, 64, 128]], [[0, 0, 0], [0, 0, 142]]]


def test_the_palette_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        CAMVID_11.palette[0] = 0


def test_ids_by_name():
    assert CAMVID_11.ids_of("car", "sky") == (8, 0)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(LabelError, match="label set 'camvid-11' has no class 'truck', only sky, building, "):
        CAMVID_11.id_of("truck")


def test_a_set_without_classes_is_refused():
    with pytest.raises(LabelError, match="must hold 1 to 254 classes, not 0"):
        LabelSet("none", ())


def test_more_classes_than_ids_are_refused():
    with pytest.raises(LabelError, match="must hold 1 to 254 classes, not 255"):
        LabelSet("many", tuple(label(str(index)) for index in range(255)))


def test_a_name_that_stands_twice_is_refused():
    with pytest.raises(LabelError, match="names these classes twice: car"):
        LabelSet("double", (label("car"), label("road"), label("car")))


@pytest.mark.parametrize("color", [(0, 0, 256), (-1, 0, 0), (1, 2)])
def test_a_colour_that_is_none_is_refused(color):
    with pytest.raises(LabelError, match=r"colour of 'car' must be 3 numbers in 0\.\.255"):
        LabelSet("odd", (label("car", color),))
