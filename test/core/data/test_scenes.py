"""Procedural scenes: geometry in closed form, classes by name, and the same scene each time."""

import dataclasses
import time

import numpy as np
import pytest

from dfs_core.data.catalog import DataSpec, open_split
from dfs_core.data.depth import Camera, from_labels
from dfs_core.data.scene_street import Light, Street
from dfs_core.data.scene_things import Thing
from dfs_core.data.scenes import Scenes, render
from dfs_core.errors import ConfigError, DatasetError
from dfs_core.labels import CAMVID_11, CITYSCAPES_19, LabelClass, LabelSet

HEIGHT, WIDTH = 120, 160
FOCAL, TALL, HORIZON = 0.8 * WIDTH, 1.5, 0.4 * HEIGHT
EMPTY = Street(
    camera=Camera(0.8, TALL, 0.4),
    light=Light((0.3, 0.5, 0.8), (0.8, 0.85, 0.9), (1.0, 1.0, 1.0), 0.05, 1.0),
    kerbs=(-5.0, 3.0),
    pavements=(2.0, 2.0),
    lane_marks=(-1.6,),
    crossing=None,
    shadow=0.0,
    paved=True,
    things=(),
    seed=3,
)
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
RIGHT, DOWN = (COLUMNS - (WIDTH - 1) / 2) / FOCAL, (ROWS - HORIZON) / FOCAL
STRETCH = np.sqrt(1.0 + RIGHT**2 + DOWN**2)


def scene(*things, labels=CITYSCAPES_19):
    return render(dataclasses.replace(EMPTY, things=things), labels, (HEIGHT, WIDTH), name="street")


def of(sample, name, labels=CITYSCAPES_19):
    return sample.labels == labels.id_of(name)


def test_the_ground_is_as_far_as_the_closed_form_says():
    sample = scene()
    ground = DOWN > 0
    np.testing.assert_allclose(sample.ray_length[ground], TALL / DOWN[ground] * STRETCH[ground], rtol=1e-4)
    assert np.isinf(sample.ray_length[~ground]).all()
    assert (of(sample, "sky") == ~ground).all()


def test_the_road_ends_at_its_kerbs_and_the_pavements_lie_beside_it():
    sample = scene()
    x = RIGHT * TALL / np.where(DOWN > 0, DOWN, np.nan)
    assert (of(sample, "road") == ((x > -5.0) & (x < 3.0))).all()
    beside = ((x > -7.0) & (x <= -5.0)) | ((x >= 3.0) & (x < 5.0))
    assert of(sample, "sidewalk")[beside].all()


def test_the_end_of_a_car_is_as_far_as_it_was_placed():
    sample = scene(Thing("car", 0.0, 12.0, 1.8, 1.4, 4.0))
    rows, columns = np.nonzero(of(sample, "car"))
    depth = sample.ray_length / STRETCH
    assert depth[rows.max(), 80] == pytest.approx(12.0, rel=1e-5)
    assert (depth[rows, columns] > 12.0 - 1e-3).all()
    assert (depth[rows, columns] < 16.0 + 1e-3).all()
    assert columns.max() - columns.min() + 1 == pytest.approx(1.8 * FOCAL / 12.0, abs=1.0)
    assert rows.max() - rows.min() + 1 == pytest.approx(1.4 * FOCAL / 12.0, abs=1.5)


def test_a_house_stands_along_the_road():
    sample = scene(Thing("building", 6.0, 10.0, 8.0, 7.0, 20.0))
    house = of(sample, "building")
    front = house & (sample.ray_length / STRETCH > 10.001)
    np.testing.assert_allclose((sample.ray_length / STRETCH * RIGHT)[front], 6.0, rtol=1e-4)  # x of its front
    near_end = house & ~front
    np.testing.assert_allclose((sample.ray_length / STRETCH)[near_end], 10.0, rtol=1e-4)
    assert front.any()
    assert near_end.any()


def test_what_is_near_hides_what_is_far_whatever_the_order():
    near, far = Thing("car", 0.0, 8.0, 1.8, 1.5, 4.0), Thing("bus", 0.0, 20.0, 2.5, 3.0, 10.0)
    one, other = scene(near, far), scene(far, near)
    assert np.array_equal(one.labels, other.labels)
    assert np.array_equal(one.ray_length, other.ray_length)
    assert of(one, "car").any()
    assert of(one, "bus").any()
    assert one.ray_length[of(one, "car")].max() < one.ray_length[of(one, "bus")].min()


def test_things_have_numbers_of_their_own_and_all_else_has_none():
    cars = [Thing("car", x, 9.0, 1.7, 1.4, 4.0) for x in (-2.0, 2.0)]
    sample = scene(*cars, Thing("pole", 3.4, 8.0, 0.3, 6.0))
    assert len(set(sample.instances[of(sample, "car")])) == 2
    assert (sample.instances[~of(sample, "car")] == 0).all()
    assert of(sample, "pole").any()


def test_a_rider_and_the_bicycle_are_two_things_in_cityscapes_and_one_in_camvid():
    cyclist = Thing("bicycle", 0.0, 7.0, 1.8, 1.76)
    two = scene(cyclist)
    assert len(set(two.instances[two.instances > 0])) == 2
    assert of(two, "rider").any()
    assert of(two, "bicycle").any()
    one = scene(cyclist, labels=CAMVID_11)
    assert set(one.instances[of(one, "bicyclist", CAMVID_11)]) == {1}


def test_what_a_label_set_has_no_class_for_is_left_out():
    names = ("sky", "road", "sidewalk", "car")
    small = LabelSet("small", tuple(LabelClass(name, (index, 0, 0), "flat") for index, name in enumerate(names)))
    sample = scene(Thing("tree", 0.0, 9.0, 4.0, 6.0), Thing("car", 0.0, 20.0, 1.8, 1.5, 4.0), labels=small)
    assert set(np.unique(sample.labels)) == {0, 1, 2, 3}


@pytest.mark.parametrize("labels", [CAMVID_11, CITYSCAPES_19], ids=["camvid", "cityscapes"])
def test_every_class_occurs(labels):
    seen = set()
    for sample in Scenes(labels, count=20 if labels is CAMVID_11 else 60, size=(HEIGHT, WIDTH)):
        seen |= set(np.unique(sample.labels).tolist())
    assert seen == set(range(len(labels)))


def test_a_scene_is_the_same_whenever_it_is_drawn_and_no_other():
    first, second = (Scenes(CAMVID_11, count=6, size=(HEIGHT, WIDTH)) for _ in range(2))
    _ = first[5]
    for name, plane in first[2].planes().items():
        np.testing.assert_array_equal(plane, second[2].planes()[name])
    others = (first[3], Scenes(CAMVID_11, "val", count=6, size=(HEIGHT, WIDTH))[2],
              Scenes(CAMVID_11, count=6, size=(HEIGHT, WIDTH), seed=2)[2])  # fmt: skip
    assert all(not np.array_equal(first[2].labels, other.labels) for other in others)


def test_things_are_where_labels_say():
    things = {label.name for label in CAMVID_11.classes if label.instance_share}
    for sample in Scenes(CAMVID_11, count=6, size=(HEIGHT, WIDTH)):
        numbered = np.isin(sample.labels, CAMVID_11.ids_of(*things))
        assert ((sample.instances > 0) == numbered).all()
        assert sample.labels.max() < len(CAMVID_11)
        assert not np.isnan(sample.ray_length).any()


def test_geometry_guessed_from_the_labels_agrees_with_the_exact_one_on_the_road():
    sample = scene(Thing("car", 0.0, 12.0, 1.8, 1.4, 4.0))
    guessed = from_labels(sample.labels, sample.image, CITYSCAPES_19, EMPTY.camera) * STRETCH
    near = of(sample, "road") & (ROWS > HORIZON + 12)
    assert np.median(np.abs(guessed[near] / sample.ray_length[near] - 1.0)) < 0.02


def test_the_picture_has_the_colours_of_day():
    image = scene(Thing("car", 0.0, 8.0, 1.8, 1.5, 4.0, (0.8, 0.05, 0.05))).image.astype(float)
    red, green, blue = (image[..., channel] for channel in range(3))
    assert blue[:5].mean() > red[:5].mean()  # sky
    body = image[59:64, 75:85].mean(axis=(0, 1))
    assert body[0] > 2 * body[1]
    assert abs(red[-10:].mean() - green[-10:].mean()) < 8  # asphalt


def test_scenes_are_drawn_fast_enough_to_train_on():
    scenes = Scenes(CAMVID_11, count=12)
    _ = scenes[0]
    start = time.process_time()
    for index in range(12):
        _ = scenes[index]
    assert 12 / (time.process_time() - start) > 8  # 40 where nothing else runs


def test_the_catalog_draws_a_quarter_as_many_for_validation():
    spec = DataSpec("scenes", count=8, size=(64, 96))
    train, val = open_split(spec, "train"), open_split(spec, "val")
    assert (len(train), len(val)) == (8, 2)
    assert train[0].image.shape == (64, 96, 3)
    assert len(list(val)) == 2


def test_an_unknown_label_set_is_refused():
    with pytest.raises(ConfigError, match=r"data\.labels must be one of camvid-11, cityscapes-19, not 'kitti'"):
        open_split(DataSpec("scenes", labels="kitti"), "train")


def test_an_unknown_split_is_refused():
    with pytest.raises(DatasetError, match="the splits are train and val, not 'test'"):
        Scenes(CAMVID_11, "test", count=4)


def test_scenes_that_cannot_be_drawn_are_refused():
    with pytest.raises(DatasetError, match=r"not 4 of \[8, 96\]"):
        Scenes(CAMVID_11, count=4, size=(8, 96))
