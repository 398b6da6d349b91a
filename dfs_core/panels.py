"""Pictures that show what the model does: rows of frames side by side, with captions and the colours of the classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.labels import UNLABELLED, LabelSet

Picture = NDArray[np.uint8]

COLUMNS = ("hazy", "dehazed", "segmentation")
CELL_WIDTH = 480
GAP = 8
OVERLAY_OPACITY = 0.55

_BACKGROUND = (24, 26, 30)
_INK = (235, 237, 240)
_TITLE_HEIGHT = 34
_LEGEND_ROW = 26
_SMOOTHING = 4  # text is drawn this much larger, then shrunk, as OpenCV's own smoothing is coarse


@dataclass(frozen=True)
class Row:
    """One frame in three pictures.

    Attributes:
        hazy: RGB, uint8 [H, W, 3].
        dehazed: RGB, uint8 [H, W, 3].
        mask: class ids, uint8 [h, w], of any size.
        caption: a few words, such as "frame 12".
    """

    hazy: Picture
    dehazed: Picture
    mask: Picture
    caption: str


def panel(rows: Sequence[Row], labels: LabelSet) -> Picture:
    """Return one RGB picture, uint8 [H, W, 3]: hazy | dehazed | mask laid over dehazed, a row for each frame.

    Args:
        rows: at least one; all pictures of one shape, or they are squeezed into the first one's.
        labels: what the ids in the masks mean; those that occur are explained at the bottom.
    """
    height = round(CELL_WIDTH * rows[0].hazy.shape[0] / rows[0].hazy.shape[1])
    lines = [_titles(COLUMNS)]
    for row in rows:
        hazy, dehazed = (_fit(picture, height) for picture in (row.hazy, row.dehazed))
        mask = _fit(row.mask, height, is_mask=True)
        _caption(hazy, row.caption)
        lines.append(_side_by_side([hazy, dehazed, overlay(dehazed, mask, labels)]))
    lines.append(_legend(labels, [row.mask for row in rows], width=lines[0].shape[1]))
    return np.vstack([part for line in lines for part in (line, _space(GAP, lines[0].shape[1]))])


def grid(rows: Sequence[Mapping[str, Picture]]) -> Picture:
    """Return one RGB picture, uint8 [H, W, 3], of captioned pictures in rows; captions stand above their columns.

    Args:
        rows: at least one; RGB pictures, uint8 [H, W, 3], by caption. All of a row get the shape of its first.
    """
    width = GAP + max(map(len, rows)) * (CELL_WIDTH + GAP)
    lines: list[Picture] = []
    titles: list[str] = []
    for row in rows:
        if titles != list(row):
            titles = list(row)
            lines.append(_titles(titles))
        height, across = next(iter(row.values())).shape[:2]
        pictures = [_fit(picture, round(CELL_WIDTH * height / across)) for picture in row.values()]
        lines += [_side_by_side(pictures), _space(GAP, 1)]
    return np.vstack([np.hstack([line, _space(line.shape[0], width - line.shape[1])]) for line in lines])


def overlay(picture: Picture, mask: Picture, labels: LabelSet, *, opacity: float = OVERLAY_OPACITY) -> Picture:
    """Return an RGB picture [H, W, 3] with the colours of a mask [H, W] over it; unlabelled pixels stay as they are."""
    mixed = cv2.addWeighted(labels.colorize(mask), opacity, picture, 1.0 - opacity, 0.0)
    return np.where((mask == UNLABELLED)[:, :, np.newaxis], picture, mixed)


def _fit(picture: Picture, height: int, *, is_mask: bool = False) -> Picture:
    """Return a picture in the size of a cell."""
    return cv2.resize(
        picture, (CELL_WIDTH, height), interpolation=cv2.INTER_NEAREST_EXACT if is_mask else cv2.INTER_AREA
    )


def _side_by_side(pictures: Sequence[Picture]) -> Picture:
    space = np.full((pictures[0].shape[0], GAP, 3), _BACKGROUND, np.uint8)
    parts = [space]
    for picture in pictures:
        parts += [picture, space]
    return np.hstack(parts)


def _space(height: int, width: int) -> Picture:
    return np.full((height, width, 3), _BACKGROUND, np.uint8)


def _titles(titles: Sequence[str]) -> Picture:
    line = _space(_TITLE_HEIGHT, GAP + len(titles) * (CELL_WIDTH + GAP))
    for number, title in enumerate(titles):
        left = GAP + number * (CELL_WIDTH + GAP)
        _write(line, title, left + (CELL_WIDTH - _text_width(title, 0.62)) // 2, 25, size=0.62)
    return line


def _caption(picture: Picture, text: str) -> None:
    """Write into the lower left corner, on a darkened strip."""
    height, width = picture.shape[0], _text_width(text, 0.5) + 20
    strip = picture[height - 26 :, :width]
    np.multiply(strip, 0.35, out=strip, casting="unsafe")
    _write(picture, text, 10, height - 8, size=0.5)


def _legend(labels: LabelSet, masks: Sequence[Picture], *, width: int) -> Picture:
    """Return swatches and names of the classes that occur, in as many lines as they need."""
    present = np.unique(np.concatenate([np.unique(mask) for mask in masks]))
    entries = [labels.classes[number] for number in present if number < len(labels)]
    places, left, row = [], GAP, 0
    for entry in entries:
        needed = 18 + 8 + _text_width(entry.name, 0.5) + 22
        if left + needed > width and left > GAP:
            left, row = GAP, row + 1
        places.append((left, row))
        left += needed
    picture = _space((row + 1) * _LEGEND_ROW, width)
    for entry, (x, line) in zip(entries, places, strict=True):
        top = line * _LEGEND_ROW + 5
        picture[top : top + 16, x : x + 18] = entry.color
        _write(picture, entry.name, x + 26, top + 13, size=0.5)
    return picture


def _text_width(text: str, size: float) -> int:
    zoom = _SMOOTHING  # measured as it is drawn
    return round(cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, size * zoom, zoom)[0][0] / zoom)


def _write(picture: Picture, text: str, left: int, baseline: int, *, size: float) -> None:
    """Write smoothly: large into a stencil, which is shrunk and then lets the ink through."""
    (height, width), zoom = picture.shape[:2], _SMOOTHING
    stencil = np.zeros((height * zoom, width * zoom), np.uint8)
    cv2.putText(
        stencil,
        text,
        (left * zoom, baseline * zoom),
        cv2.FONT_HERSHEY_DUPLEX,
        size * zoom,
        255,
        zoom,
        cv2.LINE_AA,
    )
    share = cv2.resize(stencil, (width, height), interpolation=cv2.INTER_AREA)[:, :, np.newaxis] / np.float32(255)
    picture[:] = np.rint(picture * (1 - share) + np.array(_INK, np.float32) * share).astype(np.uint8)
