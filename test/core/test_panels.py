"""Panels show the pictures they are given, in their places."""

import cv2
import numpy as np
import pytest

from dfs_core.labels import CAMVID_11, UNLABELLED
from dfs_core.panels import CELL_WIDTH, GAP, Row, grid, overlay, panel

HAZY, CLEAR = (200, 180, 160), (40, 90, 20)
ROAD, CAR = CAMVID_11.id_of("road"), CAMVID_11.id_of("car")


def plain(color: tuple[int, int, int], *, height: int = 108, width: int = 192) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def row(caption: str = "frame 1") -> Row:
    return Row(plain(HAZY), plain(CLEAR), np.full((6, 8), ROAD, np.uint8), caption)


def cell(picture: np.ndarray, column: int, line: int) -> np.ndarray:
    """Return the upper half of a cell: captions are in the lower."""
    height = CELL_WIDTH * 108 // 192
    top = 34 + GAP + line * (height + GAP)
    left = GAP + column * (CELL_WIDTH + GAP)
    return picture[top : top + height // 2, left : left + CELL_WIDTH]


def test_every_row_shows_hazy_dehazed_and_the_mask_over_dehazed() -> None:
    picture = panel([row(), row()], CAMVID_11)
    mixed = np.array(CAMVID_11.palette[ROAD]) * 0.55 + np.array(CLEAR) * 0.45
    for line in range(2):
        assert np.all(cell(picture, 0, line) == HAZY)
        assert np.all(cell(picture, 1, line) == CLEAR)
        np.testing.assert_allclose(cell(picture, 2, line), np.broadcast_to(mixed, cell(picture, 2, line).shape), atol=1)


def test_all_panels_of_as_many_rows_have_one_width_and_three_columns() -> None:
    assert panel([row()], CAMVID_11).shape[1] == 3 * CELL_WIDTH + 4 * GAP
    grown = panel([row()] * 3, CAMVID_11).shape[0] - panel([row()] * 2, CAMVID_11).shape[0]
    assert grown == CELL_WIDTH * 108 // 192 + GAP


def test_a_longer_caption_changes_only_the_lower_left_of_the_hazy_cell() -> None:
    short, long = panel([row("a")], CAMVID_11), panel([row("a much longer caption")], CAMVID_11)
    changed = np.argwhere(np.any(short != long, axis=2))
    height = CELL_WIDTH * 108 // 192
    assert changed[:, 0].min() >= 34 + GAP + height - 30
    assert changed[:, 1].max() < GAP + CELL_WIDTH


def test_the_legend_holds_the_colours_that_occur_and_no_others() -> None:
    picture = panel([row()], CAMVID_11)
    legend = picture[-(26 + GAP) : -GAP].reshape(-1, 3)
    colours = {tuple(int(value) for value in color) for color in np.unique(legend, axis=0)}
    assert tuple(CAMVID_11.palette[ROAD].tolist()) in colours
    assert tuple(CAMVID_11.palette[CAR].tolist()) not in colours


def test_unlabelled_pixels_are_left_as_they_are() -> None:
    mask = np.full((108, 192), CAR, np.uint8)
    mask[:50] = UNLABELLED
    laid = overlay(plain(CLEAR), mask, CAMVID_11)
    assert np.all(laid[:50] == CLEAR)
    assert not np.any(np.all(laid[50:] == CLEAR, axis=2))


@pytest.mark.parametrize("size", [(540, 960), (90, 100)])
def test_pictures_of_any_size_fit(size: tuple[int, int]) -> None:
    height, width = size
    picture = panel(
        [Row(*(plain(c, height=height, width=width) for c in (HAZY, CLEAR)), np.zeros((3, 4), np.uint8), "x")],
        CAMVID_11,
    )
    assert picture.dtype == np.uint8
    assert cv2.imencode(".png", picture)[0]


def test_grid_holds_each_picture_in_its_row_and_column() -> None:
    picture = grid([{"hazy": plain(HAZY), "clear": plain(CLEAR)}, {"hazy": plain(CLEAR), "clear": plain(HAZY)}])
    assert picture.shape[1] == 2 * CELL_WIDTH + 3 * GAP
    for line, colors in enumerate([(HAZY, CLEAR), (CLEAR, HAZY)]):
        for column, color in enumerate(colors):
            height = CELL_WIDTH * 108 // 192
            top, left = 34 + line * (height + GAP), GAP + column * (CELL_WIDTH + GAP)
            assert np.all(picture[top : top + height, left : left + CELL_WIDTH] == color)


def test_grid_names_its_columns_again_where_they_change() -> None:
    same = grid([{"a": plain(HAZY)}, {"a": plain(HAZY)}])
    changed = grid([{"a": plain(HAZY)}, {"b": plain(HAZY)}])
    assert changed.shape[0] == same.shape[0] + 34
