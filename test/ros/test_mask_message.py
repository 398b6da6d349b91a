"""Masks out of messages."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dfs_ros.image_error import ImageError
from dfs_ros.mask_message import to_mask


def message(**changes: Any) -> SimpleNamespace:
    values = {"encoding": "mono8", "height": 2, "width": 3, "step": 4, "data": bytes([1, 2, 3, 0, 4, 5, 255, 0])}
    return SimpleNamespace(**{**values, **changes})


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_padding_is_skipped(encoding: str) -> None:
    mask = to_mask(message(encoding=encoding))
    assert mask.dtype == np.uint8
    assert mask.tolist() == [[1, 2, 3], [4, 5, 255]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoding": "rgb8"}, "mask 'rgb8' of 3x2 pixels: must be mono8"),
        ({"step": 2}, "has step 2 and 8 bytes"),
        ({"data": bytes(7)}, "has step 4 and 7 bytes"),
        ({"height": 0, "data": b""}, "needs a size of at least 1x1"),
        ({"width": 0}, "needs a size of at least 1x1"),
    ],
)
def test_other_images_are_refused_in_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ImageError, match=words):
        to_mask(message(**changes))
