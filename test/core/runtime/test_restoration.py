"""Shrink and restore: the definition against OpenCV and hand-made pictures, the kernels against the definition."""

import threading
from functools import partial
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfs_core.artifact import Artifact
from dfs_core.labels import CAMVID_11
from dfs_core.runtime import restoration as reference
from dfs_core.runtime.kernels import restore_rows, shrink_rows
from dfs_core.runtime.row_pool import RowPool

SIZES = [(540, 960), (1080, 1920), (97, 131), (1, 77), (77, 1), (1, 1), (1000, 333), (20, 30)]


def random_frames(height, width, *, count=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def random_restoration(height, width, *, count=1, seed=0):
    random = np.random.default_rng(seed)
    gain = random.uniform(0.5, 4.0, (count, 1, height, width))
    return np.concatenate([gain, random.uniform(-1.0, 0.5, (count, 3, height, width))], 1).astype(np.float32)


def restored_by_kernel(frame, restoration, *, parts=1):
    rows = reference.bilinear_taps(restoration.shape[1], frame.shape[0])
    columns = reference.bilinear_taps(restoration.shape[2], frame.shape[1])
    dehazed = np.full_like(frame, 77)
    edges = [len(frame) * part // parts for part in range(parts + 1)]
    for start, stop in pairwise(edges):
        restore_rows(frame, restoration, rows, columns, dehazed, False, start, stop)
    return dehazed


def shrunk_by_kernel(frame, height, width):
    rows = reference.bilinear_taps(frame.shape[0], 2 * height)
    columns = reference.bilinear_taps(frame.shape[1], 2 * width)
    low_resolution = np.full((3, height, width), np.nan, np.float32)
    shrink_rows(frame, rows, columns, low_resolution, False, 0, height)
    return low_resolution


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_resize_samples_as_opencv_does(height, width):
    plane = np.random.default_rng(1).random((48, 96), np.float32)
    expected = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(reference.resize(plane, height, width), expected, atol=2e-5)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_shrink_is_opencvs_resize_and_box_average(height, width):
    frames = random_frames(height, width)
    doubled = cv2.resize(frames[0].astype(np.float32), (96, 64), interpolation=cv2.INTER_LINEAR)
    expected = cv2.blur(doubled, (2, 2), anchor=(0, 0))[::2, ::2] / 255.0
    np.testing.assert_allclose(reference.shrink(frames, 32, 48)[0], np.moveaxis(expected, 2, 0), atol=1e-5)


def test_a_picture_four_times_the_networks_size_is_averaged_over_4_by_4():
    frames = random_frames(8, 12)
    expected = frames[0].reshape(2, 4, 3, 4, 3).mean(axis=(1, 3)).transpose(2, 0, 1) / 255.0
    np.testing.assert_allclose(reference.shrink(frames, 2, 3)[0], expected, atol=1e-6)


def test_restore_by_hand():
    frames = np.array([[[[100, 200, 255], [10, 20, 30]]]], np.uint8)
    planes = np.array([[[[2.0, 1.0]], [[-0.2, 0.0]], [[0.0, 0.5]], [[0.1, -0.1]]]], np.float32)
    # 2·100 - 51 = 149; 2·200 is above white; 10; 20 + 127.5 = 147.5, half to even; 30 - 25.5 = 4.5, half to even
    expected = [[[[149, 255, 255], [10, 148, 4]]]]
    np.testing.assert_array_equal(reference.restore(frames, planes), expected)
    np.testing.assert_array_equal(restored_by_kernel(frames[0], planes[0]), expected[0])


def test_gain_one_and_offset_zero_change_nothing():
    frames = random_frames(97, 131)
    planes = np.zeros((4, 16, 32), np.float32)
    planes[0] = 1.0
    np.testing.assert_array_equal(restored_by_kernel(frames[0], planes), frames[0])


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_restore_kernel_follows_the_definition(height, width):
    frames, planes = random_frames(height, width), random_restoration(32, 48)
    difference = restored_by_kernel(frames[0], planes[0]).astype(int) - reference.restore(frames, planes)[0]
    assert abs(difference).max() <= 1
    assert (difference != 0).mean() < 1e-3


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_shrink_kernel_follows_the_definition(height, width):
    frames = random_frames(height, width)
    np.testing.assert_allclose(shrunk_by_kernel(frames[0], 32, 48), reference.shrink(frames, 32, 48)[0], atol=2e-6)


sides = st.integers(1, 70)
sizes = st.tuples(sides, sides)


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_restore_kernel_follows_the_definition_at_any_size_and_split(size, low_size, parts, seed):
    frames = random_frames(*size, seed=seed)
    planes = random_restoration(*low_size, seed=seed)
    found = restored_by_kernel(frames[0], planes[0], parts=min(parts, size[0]))
    assert abs(found.astype(int) - reference.restore(frames, planes)[0]).max() <= 1


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, st.integers(0, 2**32 - 1))
def test_shrink_kernel_follows_the_definition_at_any_size(size, low_size, seed):
    frames = random_frames(*size, seed=seed)
    expected = reference.shrink(frames, *low_size)[0]
    np.testing.assert_allclose(shrunk_by_kernel(frames[0], *low_size), expected, atol=2e-6)


@settings(max_examples=30, deadline=None)
@given(sides, sides, st.integers(0, 255))
def test_a_picture_of_one_colour_stays_of_that_colour(height, width, level):
    frames = np.full((1, height, width, 3), level, np.uint8)
    np.testing.assert_allclose(shrunk_by_kernel(frames[0], 16, 32), level / 255.0, atol=1e-6)


def test_kernels_read_frames_that_must_not_be_written():
    frames = random_frames(16, 16)
    frames.setflags(write=False)
    assert shrunk_by_kernel(frames[0], 4, 4).shape == (3, 4, 4)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_networks_size_keeps_the_shape_of_the_picture_or_squeezes_it(height, width):
    low_height, low_width = Artifact("model", CAMVID_11).network_size(height, width)
    assert low_width == 480
    assert low_height % 16 == 0
    assert low_height == min(max(low_width * height / width, 32), 480) or abs(low_height - 480 * height / width) <= 8


@pytest.mark.parametrize("rows", [1, 15, 16, 100, 101])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_row_pool_gives_every_row_to_one_call(rows, threads):
    visits = np.zeros(rows, int)

    def visit(start, stop):
        visits[start:stop] += 1

    pool = RowPool(threads)
    pool.run(visit, rows)
    pool.close()
    np.testing.assert_array_equal(visits, 1)


def test_row_pool_works_on_two_ranges_at_once():
    meeting = threading.Barrier(2, timeout=20)
    pool = RowPool(2)
    pool.run(lambda _start, _stop: meeting.wait(), 64)  # BrokenBarrierError if one range waited for the other
    pool.close()


def test_row_pool_returns_only_when_no_range_runs_any_more():
    begun, release, finished = threading.Event(), threading.Event(), threading.Event()

    def work(start, _stop):
        if start == 0:
            assert begun.wait(timeout=20)
            threading.Timer(0.2, release.set).start()
            raise ValueError("the caller's own range")
        begun.set()
        assert release.wait(timeout=20)
        finished.set()

    pool = RowPool(2)
    with pytest.raises(ValueError, match="the caller's own range"):
        pool.run(work, 64)
    assert finished.is_set()
    pool.close()


def test_row_pool_raises_what_a_range_raised():
    def fail(start, _stop, *, at):
        if start == at:
            raise ValueError(f"row {start}")

    pool = RowPool(2)
    with pytest.raises(ValueError, match="row 32"):
        pool.run(partial(fail, at=32), 64)
    with pytest.raises(ValueError, match="row 0"):
        pool.run(partial(fail, at=0), 64)
    pool.close()
