"""Instances and their weights, against hand-made pictures and the official evaluation."""

import numpy as np
import pytest

from dfs_core.data.instances import components, instance_shares, instance_weights
from dfs_core.labels import CAMVID_11, CITYSCAPES_19, LabelClass, LabelSet

STREET = LabelSet("street", (LabelClass("road", (1, 1, 1), "flat"), LabelClass("car", (2, 2, 2), "vehicle", 0.25)))
LABELS = np.array(
    [[0, 1, 1, 0],
     [0, 1, 1, 0],
     [0, 0, 0, 0],
     [1, 0, 0, 255]], np.uint8
)  # fmt: skip
INSTANCES = np.array(
    [[0, 7, 7, 0],
     [0, 7, 9, 0],
     [0, 0, 0, 0],
     [0, 0, 0, 0]], np.int32
)  # fmt: skip


def test_weight_is_average_size_over_own_size_on_things_and_1_elsewhere():
    expected = np.ones((4, 4))
    expected[0, 1:3] = expected[1, 1] = 4 / 3
    expected[1, 2] = 4.0
    np.testing.assert_allclose(instance_weights(LABELS, INSTANCES, STREET), expected, rtol=1e-6)


def test_weight_of_a_part_is_that_of_the_whole_thing():
    part = (slice(0, 2), slice(1, 2))
    shares = instance_shares(INSTANCES)
    found = instance_weights(LABELS[part], INSTANCES[part], STREET, shares=shares)
    np.testing.assert_array_equal(found, instance_weights(LABELS, INSTANCES, STREET)[part])


def test_weights_do_not_depend_on_the_resolution():
    finer = np.ones((8, 8), np.int64)
    weights = instance_weights(
        np.kron(LABELS, finer).astype(np.uint8), np.kron(INSTANCES, finer).astype(np.int32), STREET
    )
    np.testing.assert_allclose(weights, np.kron(instance_weights(LABELS, INSTANCES, STREET), finer), rtol=1e-6)


def test_weights_are_clipped():
    labels, instances = np.ones((64, 64), np.uint8), np.ones((64, 64), np.int32)
    rare = LabelSet("rare", (STREET.classes[0], LabelClass("car", (2, 2, 2), "vehicle", 0.001)))
    assert (instance_weights(labels, instances, rare) == np.float32(0.1)).all()
    instances[0, 0] = 2
    assert instance_weights(labels, instances, STREET)[0, 0] == 10.0


def test_average_sizes_are_those_of_the_official_evaluation():
    judge = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    pixels = CITYSCAPES_19.instance_shares * 2048 * 1024
    expected = {name: size for name, size in judge.args.avgClassSize.items() if name in CITYSCAPES_19.names}
    found = {name: pixels[CITYSCAPES_19.id_of(name)] for name in CITYSCAPES_19.names}
    assert {name: size for name, size in found.items() if size} == pytest.approx(expected, rel=1e-5)


def test_touching_pixels_of_a_class_are_one_thing_and_corners_touch():
    car, sky = CAMVID_11.ids_of("car", "sky")
    person = CAMVID_11.id_of("pedestrian")
    labels = np.full((4, 6), sky, np.uint8)
    labels[0, 0] = labels[1, 1] = car
    labels[0, 4] = car
    labels[1, 4] = person
    labels[3, :] = CAMVID_11.id_of("road")
    instances = components(labels, CAMVID_11)
    assert instances.dtype == np.int32
    assert instances[0, 0] == instances[1, 1]
    assert len({instances[0, 0], instances[0, 4], instances[1, 4]}) == 3
    assert ((instances > 0) == np.isin(labels, (car, person))).all()
