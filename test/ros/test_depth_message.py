"""Depth images as metres, by REP 118."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from dfs_ros.depth_message import to_depth
from dfs_ros.image_error import ImageError


def message(array: np.ndarray, encoding: str, *, padding: int = 0) -> SimpleNamespace:
    """Return a message that holds numbers as they lie in memory, with some bytes after each row."""
    height, width = array.shape
    rows = np.ascontiguousarray(array).view(np.uint8).reshape(height, -1)
    data = np.pad(rows, ((0, 0), (0, padding)), constant_values=7).tobytes()
    big = int(array.dtype.byteorder == ">")
    step = rows.shape[1] + padding
    return SimpleNamespace(height=height, width=width, encoding=encoding, step=step, is_bigendian=big, data=data)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("padding", [0, 3])
def test_millimetres_become_metres_and_0_is_unknown(order: str, padding: int) -> None:
    array = np.array([[1500, 0], [65535, 1]], f"{order}u2")
    expected = np.array([[1.5, math.nan], [65.535, 0.001]], np.float32)
    np.testing.assert_array_equal(to_depth(message(array, "16UC1", padding=padding)), expected)


@pytest.mark.parametrize("order", ["<", ">"])
def test_metres_stay_infinity_is_far_and_what_is_no_distance_unknown(order: str) -> None:
    array = np.array([[2.5, math.inf, math.nan, -math.inf, -1.0, 0.0]], f"{order}f4")
    expected = [[2.5, math.inf, math.nan, math.nan, math.nan, math.nan]]
    np.testing.assert_array_equal(to_depth(message(array, "32FC1", padding=5)), expected)


def test_other_encodings_and_sizes_are_refused_in_words() -> None:
    whole = message(np.ones((2, 3), np.float32), "32FC1")
    with pytest.raises(ImageError, match="must be 16UC1 in millimetres or 32FC1 in metres"):
        to_depth(SimpleNamespace(**{**vars(whole), "encoding": "rgb8"}))
    with pytest.raises(ImageError, match="needs steps of at least 12"):
        to_depth(SimpleNamespace(**{**vars(whole), "data": whole.data[:-1]}))
