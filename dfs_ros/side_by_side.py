"""Several pictures as one, each with its name. Imports no ROS."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

ROW, COLUMN, GRID = "row", "column", "grid"
LAYOUTS = (ROW, COLUMN, GRID)

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LABEL_SHARE = 18
"""How many times a label goes into a picture's height."""


def side_by_side(pictures: Mapping[str, Pixels], *, height: int, layout: str, with_labels: bool) -> Pixels:
    """Return pictures in one, RGB [H, W, 3]; where they are not equally wide, what is left over is black.

    Args:
        pictures: by name, in order, RGB [h, w, 3] of any size.
        height: rows that each of them gets; its width follows.
        layout: "row", "column", or "grid" of two columns.
        with_labels: whether each bears its name in the upper left corner.
    """
    tiles = [_scaled(picture, height) for picture in pictures.values()]
    if with_labels:
        for name, tile in zip(pictures, tiles, strict=True):
            _label(tile, name)
    columns = {ROW: len(tiles), COLUMN: 1, GRID: 2}[layout]
    widths = [max(tile.shape[1] for tile in tiles[column::columns]) for column in range(min(columns, len(tiles)))]
    rows = -(-len(tiles) // columns)
    canvas = np.zeros((rows * height, sum(widths), 3), np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        left = sum(widths[:column])
        canvas[row * height : (row + 1) * height, left : left + tile.shape[1]] = tile
    return canvas


def _scaled(picture: Pixels, height: int) -> Pixels:
    """Return a copy of a picture at another height."""
    rows, columns = picture.shape[:2]
    width = max(1, round(columns * height / rows))
    if (rows, columns) == (height, width):
        return picture.copy()
    method = cv2.INTER_AREA if height < rows else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=method)


def _label(picture: Pixels, text: str) -> None:
    """Write white on black into the upper left corner of a picture."""
    rows = max(8, picture.shape[0] // _LABEL_SHARE)
    scale = cv2.getFontScaleFromHeight(_FONT, max(4, rows // 2))
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, 1)
    cv2.rectangle(picture, (0, 0), (width + rows, rows), (0, 0, 0), cv2.FILLED)
    cv2.putText(picture, text, (rows // 2, rows * 3 // 4), _FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)
