"""What a report shows of pictures: small, in the right colours, label maps without colours of their own."""

import cv2
import numpy as np
import pytest

from dfs_core.evaluation.pictures import WIDTH, encode_mask, encode_photograph

RED, BLUE = (200, 30, 20), (10, 40, 220)


def decoded(content):
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def halves(height, width):
    picture = np.empty((height, width, 3), np.uint8)
    picture[:, : width // 2], picture[:, width // 2 :] = RED, BLUE
    return picture


@pytest.mark.parametrize(
    ("size", "shown"), [((30, 40), (30, 40)), ((600, 2400), (240, WIDTH)), ((1, 5000), (1, WIDTH))]
)
def test_wide_pictures_are_shrunk_and_others_stay(size, shown):
    for encode in (encode_photograph, encode_mask):
        assert decoded(encode(halves(*size))).shape == (*shown, 3)


def test_photographs_are_jpeg_and_keep_their_colours():
    content = encode_photograph(halves(64, 1100))
    assert content.startswith(b"\xff\xd8\xff")
    picture = decoded(content).astype(int)
    assert abs(picture[10, 100] - RED).max() < 6
    assert abs(picture[10, -100] - BLUE).max() < 6


def test_label_maps_are_png_and_no_colour_is_mixed():
    stripes = halves(64, 1100)
    stripes[:, ::3] = 0
    content = encode_mask(stripes)
    assert content.startswith(b"\x89PNG")
    assert {tuple(color) for color in decoded(content).reshape(-1, 3).tolist()} == {RED, BLUE, (0, 0, 0)}
