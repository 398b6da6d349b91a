"""Holes in planes whose depth is known under the hole."""

import numpy as np
import pytest

from dfs_core.data.completion import complete
from dfs_core.errors import DatasetError

ROAD, WALL, SKY = (90, 90, 95), (180, 60, 40), (200, 220, 240)


@pytest.fixture
def scene():
    """A road below a horizon at row 39, a wall 20 m away on the right, sky, and no hole."""
    y, x = np.indices((128, 256))
    depth = np.where(y > 40, 200.0 / np.maximum(y - 39, 1), np.inf)
    image = np.where((y > 40)[..., None], ROAD, SKY)
    wall = (x >= 160) & (y > 16) & (y <= 49)
    depth[wall], image[wall] = 20.0, WALL
    return depth.astype(np.float32), image.astype(np.uint8)


def test_a_depth_without_holes_stays(scene):
    depth, image = scene
    np.testing.assert_allclose(complete(depth, image), depth, rtol=1e-5)


@pytest.mark.parametrize(
    "hole",
    [
        pytest.param(np.s_[70:76, 40:46], id="in the road, smaller than a superpixel"),
        pytest.param(np.s_[64:84, 0:24], id="at the road's edge, larger than superpixels"),
        pytest.param(np.s_[24:40, 200:220], id="in the wall"),
        pytest.param(np.s_[:3, 20:60], id="at the edge of the sky, smaller than its superpixels"),
        pytest.param(np.s_[60:110:3, 10:250:2], id="scattered"),
    ],
)
def test_a_hole_continues_the_plane_around_it(scene, hole):
    depth, image = scene
    holed = depth.copy()
    holed[hole] = np.nan
    completed = complete(holed, image)
    np.testing.assert_allclose(completed[hole], depth[hole], rtol=0.02)
    untouched = np.isfinite(holed)
    np.testing.assert_array_equal(completed[untouched], holed[untouched])


def test_a_hole_takes_the_plane_of_its_own_colour_not_of_its_neighbour(scene):
    depth, image = scene
    depth, image = depth.copy(), image.copy()
    image[52:76, 168:208] = WALL  # in the road, nearer to road than to the wall; nothing is known of it
    depth[52:76, 168:208] = np.nan
    np.testing.assert_allclose(complete(depth, image)[57:71, 173:203], 20.0, rtol=0.02)


def test_a_plane_is_not_continued_beyond_twice_the_nearness_at_which_it_was_seen(scene):
    depth, image = scene
    depth = depth.copy()
    depth[64:] = np.nan
    # The last road that is seen, row 63, is 200 / (63 - 39) m away; the road itself would come as near as 2.3 m.
    assert complete(depth, image).min() == pytest.approx(200 / 24 / 2, rel=0.01)


def test_sky_is_not_continued_into_a_hole(scene):
    depth, image = scene
    depth, image = depth.copy(), image.copy()
    image[80:100, 100:140] = SKY  # a white van
    depth[80:100, 100:140] = np.nan
    assert np.isfinite(complete(depth, image)[80:100, 100:140]).all()


def test_depth_far_off_its_plane_is_not_believed(scene):
    depth, image = scene
    wrong = depth.copy()
    wrong[90:92, 60:62] = 90.0  # the road is 4 m away there
    np.testing.assert_allclose(complete(wrong, image), depth, rtol=0.02)


@pytest.mark.parametrize("size", [(1030, 2050), (50, 70)])
def test_sizes_that_no_grid_fits_are_completed(size):
    depth = np.full(size, 10.0, np.float32)
    depth[20:30, -9:] = depth[-3:] = np.nan
    completed = complete(depth, np.full((*size, 3), 90, np.uint8))
    np.testing.assert_allclose(completed, 10.0, rtol=1e-4)


def test_nothing_known_is_refused(scene):
    with pytest.raises(DatasetError, match=r"depth is known in 0\.0% of the image, too little anywhere to complete it"):
        complete(np.full((128, 256), np.nan, np.float32), scene[1])
