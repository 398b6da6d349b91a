"""A cached split: the same samples, read once."""

import multiprocessing

import numpy as np
import pytest

from dfs_core.data.cache import Cached
from dfs_core.data.camvid import CamVid
from dfs_core.data.sample import Sample, Split
from dfs_core.labels import CAMVID_11

BYTES = 8 * 8 * (3 + 1)


class Counted(Split):
    """Five small scenes that count how often they are read."""

    labels = CAMVID_11

    def __init__(self):
        self.reads = 0

    def __len__(self):
        return 5

    def __getitem__(self, index):
        self.reads += 1
        return Sample(f"{index}", np.full((8, 8, 3), index, np.uint8), np.zeros((8, 8), np.uint8))


def test_cached_samples_are_those_of_the_split(camvid):
    split = CamVid(camvid, "train")
    cached = Cached(split)
    assert cached.kept
    assert cached.labels is split.labels
    for expected, found in zip(split, cached, strict=True):
        assert found.name == expected.name
        for name, plane in expected.planes().items():
            np.testing.assert_array_equal(found.planes()[name], plane)


def test_what_fits_is_not_read_again():
    split = Counted()
    cached = Cached(split, limit_bytes=5 * BYTES)
    reads = split.reads
    assert [cached[index].name for index in (4, 4, 0, 2)] == ["4", "4", "0", "2"]
    assert split.reads == reads


def test_what_does_not_fit_is_read_when_it_is_asked_for():
    split = Counted()
    cached = Cached(split, limit_bytes=5 * BYTES - 1)
    assert not cached.kept
    assert split.reads == 1
    assert (cached[3].image == 3).all()
    assert split.reads == 2


def test_a_forked_process_does_not_read_again():
    split = Counted()
    cached = Cached(split)
    before = split.reads
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=lambda: answers.put((cached[4].name, split.reads)))
    child.start()
    assert answers.get() == ("4", before)
    child.join(60)
    assert child.exitcode == 0


def test_an_index_past_the_end_is_refused():
    with pytest.raises(IndexError):
        Cached(Counted())[5]
