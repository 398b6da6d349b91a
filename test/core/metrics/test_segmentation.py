"""Intersections over unions against hand-made masks and other libraries."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torchmetrics.classification import MulticlassJaccardIndex

from dfs_core.data.instances import components
from dfs_core.errors import DatasetError, LabelError
from dfs_core.labels import CAMVID_11, CITYSCAPES_19, LabelClass, LabelSet
from dfs_core.metrics.segmentation import (
    FIGURES,
    categories,
    class_ious,
    confusion,
    count,
    counts_size,
    figures,
    intersection_over_union,
    mean_iou,
)

STREET = LabelSet(
    "street",
    (
        LabelClass("road", (1, 1, 1), "flat"),
        LabelClass("car", (2, 2, 2), "vehicle", 0.25),
        LabelClass("kerb", (3, 3, 3), "flat"),
        LabelClass("bus", (4, 4, 4), "vehicle", 0.5),
        LabelClass("person", (5, 5, 5), "human", 0.125),
        LabelClass("statue", (6, 6, 6), "human"),
    ),
)
ROAD, CAR, KERB, BUS, PERSON, STATUE = range(6)
SIZE = (6, 7)


def of(sums, labels=STREET):
    return {name: float(value) for name, value in figures(sums, labels).items()}


def test_confusion_by_hand():
    labels = np.array([[0, 0, 1, 255]], np.uint8)
    mask = np.array([[0, 1, 1, 0]], np.uint8)
    assert confusion(mask, labels, 2).tolist() == [[1, 1], [0, 1]]


def test_iou_by_hand():
    matrix = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(intersection_over_union(matrix), [0.5, 0.5, np.nan])
    assert mean_iou(matrix) == 0.5


def test_class_that_is_only_predicted_does_not_enter_the_mean():
    matrix = np.array([[3, 1], [0, 0]])
    assert mean_iou(matrix) == 0.75


def test_mean_iou_equals_torchmetrics():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, (40, 50), np.uint8)
    mask = np.where(rng.random((40, 50)) < 0.6, labels, rng.integers(0, 5, (40, 50))).astype(np.uint8)
    labels[rng.random((40, 50)) < 0.1] = 255
    expected = MulticlassJaccardIndex(5, ignore_index=255)(torch.from_numpy(mask), torch.from_numpy(labels).long())
    assert mean_iou(confusion(mask, labels, 5)) == pytest.approx(expected.item(), abs=1e-6)


def test_mask_of_another_label_set_is_refused():
    with pytest.raises(LabelError, match="the mask holds id 12, but the labels have 11 classes"):
        confusion(np.array([[12]], np.uint8), np.array([[0]], np.uint8), 11)


def test_id_that_is_no_class_does_no_harm_where_nothing_is_labelled():
    assert confusion(np.array([[255]], np.uint8), np.array([[255]], np.uint8), 2).sum() == 0


def test_figures_by_hand():
    labels = np.array([[ROAD, CAR, CAR, CAR], [KERB, CAR, BUS, 255]], np.uint8)
    instances = np.array([[0, 7, 7, 7], [0, 8, 9, 9]], np.int32)
    mask = np.array([[CAR, CAR, BUS, ROAD], [ROAD, CAR, 255, CAR]], np.uint8)
    # A picture of 8 pixels: an average car has 2, an average bus 4. Car 7 has 3, so each of its pixels weighs 2/3; car
    # 8 has 1 of weight 2; bus 9 has 1 of weight 4, its other pixel being unlabelled.
    iou = {"road": 0 / 3, "car": 2 / 5, "kerb": 0 / 1, "bus": 0 / 2}
    sums = count(mask, labels, STREET, instances)
    np.testing.assert_allclose(class_ious(sums, STREET), [*iou.values(), np.nan, np.nan])
    assert categories(STREET) == ("flat", "vehicle", "human")
    assert of(sums) == pytest.approx(
        {
            "miou": sum(iou.values()) / 4,
            "iiou": ((2 / 3 + 2) / (2 + 2 + 1) + 0 / (4 + 1)) / 2,
            "category_miou": (1 / 3 + 3 / 6) / 2,  # flat: kerb taken for road is right; vehicle: so is car for bus
            "category_iiou": (2 / 3 * 2 + 2) / (2 + 2 + 4 + 1),  # vehicle alone: a statue is human, but no thing
        }
    )


def test_things_of_camvid():
    """A long car is found, a small one is not, and a bicyclist is taken for a pedestrian."""
    sky, road, car, pedestrian, bicyclist = CAMVID_11.ids_of("sky", "road", "car", "pedestrian", "bicyclist")
    labels = np.full((100, 100), road, np.uint8)
    labels[:40] = sky
    labels[50:60, 10:60] = labels[80:82, 80:85] = car
    labels[62:70, 70:75] = bicyclist
    mask = labels.copy()
    mask[80:82, 80:85] = road
    mask[62:70, 70:75] = pedestrian
    found = of(count(mask, labels, CAMVID_11, components(labels, CAMVID_11)), CAMVID_11)
    assert found == pytest.approx(
        {
            "miou": (1 + 5450 / 5460 + 500 / 510 + 0 + 0) / 5,  # road: 6000 less 510 of cars and 40 of a bicyclist
            "iiou": (1 / 2 + 0 + 0) / 3,  # each car weighs the same; pedestrians were only seen, bicyclists only there
            "category_miou": (1 + 5450 / 5460 + 500 / 510 + 1) / 4,
            "category_iiou": (1 / 2 + 1) / 2,
        }
    )
    assert categories(CAMVID_11) == ("sky", "construction", "object", "flat", "nature", "vehicle", "human")


def test_without_instances_there_are_no_figures_of_things():
    labels = np.array([[ROAD, CAR]], np.uint8)
    found = of(count(labels, labels, STREET))
    assert found == pytest.approx(dict(zip(FIGURES, (1.0, np.nan, 1.0, np.nan), strict=True)), nan_ok=True)


def test_pictures_without_instances_do_not_change_the_figures_of_things():
    rng = np.random.default_rng(0)
    labels, mask, others = rng.integers(0, 6, (3, 6, 7), np.uint8)
    instances = rng.integers(0, 4, (6, 7)).astype(np.int32)
    alone = count(mask, labels, STREET, instances)
    both = of(alone + count(others, labels, STREET))
    assert (both["iiou"], both["category_iiou"]) == (of(alone)["iiou"], of(alone)["category_iiou"])
    assert both["miou"] != of(alone)["miou"]


def test_figures_of_nothing_are_not_numbers():
    assert counts_size(CITYSCAPES_19) == 6 * (19 + 7)
    assert all(np.isnan(value) for value in of(np.zeros(counts_size(STREET))).values())


def test_many_sums_at_once():
    rng = np.random.default_rng(0)
    labels, mask = rng.integers(0, 6, (2, 6, 7), np.uint8)
    one = count(mask, labels, STREET, rng.integers(0, 4, (6, 7)).astype(np.int32))
    stacked = figures(np.stack([[one, 2 * one], [0 * one, one]]), STREET)
    for name, value in of(one).items():
        np.testing.assert_allclose(stacked[name], [[value, value], [np.nan, value]])
    assert class_ious(np.stack([one, one]), STREET).shape == (2, 6)


def test_different_sizes_are_refused():
    labels = np.zeros((4, 6), np.uint8)
    with pytest.raises(DatasetError, match=r"mask \[2, 3\], labels \[4, 6\]: must have the same height and width"):
        count(labels[::2, ::2], labels, STREET)
    with pytest.raises(DatasetError, match=r"labels \[4, 6\], instances \[6, 4\]: must have"):
        count(labels, labels, STREET, np.zeros((6, 4), np.int32))


@pytest.mark.parametrize("which", ["mask", "labels"])
def test_ids_that_are_no_class_are_refused(which):
    planes = {"mask": np.zeros((2, 2), np.uint8), "labels": np.zeros((2, 2), np.uint8)}
    planes[which][1, 1] = 33
    with pytest.raises(LabelError, match=f"the {which} holds? id 33, but 'street' has 6 classes, ids 0 to 5, and 255"):
        count(**planes, label_set=STREET)


def pictures(largest=5):
    """Masks, labels and instances of one size; labels and masks hold unlabelled pixels too."""
    ids = arrays(np.uint8, SIZE, elements=st.sampled_from([*range(largest + 1), 255]))
    return st.tuples(ids, ids, arrays(np.int32, SIZE, elements=st.integers(0, 3)))


@settings(max_examples=40, deadline=None)
@given(pictures(), pictures())
def test_counts_of_two_pictures_are_those_of_both_side_by_side(first, second):
    whole = [np.concatenate(planes, axis=1) for planes in zip(first, second, strict=True)]
    whole[2][:, SIZE[1] :][second[2] > 0] += 3  # other things
    mask, labels, instances = whole
    parts = [count(picture[0], picture[1], STREET, picture[2]) for picture in (first, second)]
    # The picture is twice as large, and so are its average things.
    together = count(mask, labels, STREET, instances).reshape(3, 2, -1) / [[[1.0], [2.0]]]
    together[2, 1] *= 2.0  # false alarms have no weight
    np.testing.assert_allclose(sum(parts).reshape(3, 2, -1), together, rtol=1e-12, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(pictures())
def test_perfect_answer_is_one(picture):
    _, labels, instances = picture
    for value in of(count(labels, labels, STREET, instances)).values():
        assert value == 1.0 or np.isnan(value)


@settings(max_examples=40, deadline=None)
@given(pictures(), st.permutations(range(SIZE[0] * SIZE[1])))
def test_where_pixels_are_does_not_matter(picture, order):
    mask, labels, instances = picture
    moved = (plane.ravel()[order].reshape(SIZE) for plane in picture)
    shuffled = dict(zip(("mask", "labels", "instances"), moved, strict=True))
    np.testing.assert_allclose(count(**shuffled, label_set=STREET), count(mask, labels, STREET, instances), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(pictures(), st.permutations([1, 2, 3]))
def test_numbers_of_things_mean_nothing(picture, renamed):
    mask, labels, instances = picture
    other = np.array([0, *(1000 * number for number in renamed)], np.int32)[instances]
    np.testing.assert_allclose(count(mask, labels, STREET, other), count(mask, labels, STREET, instances), rtol=1e-12)
