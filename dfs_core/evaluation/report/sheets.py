"""The panels of a report as picture files: a scene by each method, and below it what the judge saw in each."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from dfs_core.evaluation.report.gallery import by_score
from dfs_core.evaluation.report.pictures import decode, kind_of
from dfs_core.evaluation.results import Frame
from dfs_core.panels import Picture, grid

WORST = 8
"""Frames that are drawn because they are the worst."""
SPREAD = 4
"""Further frames, evenly from there to the best: the worst alone would mislead."""

_PLAIN_LETTERS = str.maketrans({"β": "beta", "·": "-", "−": "-", "–": "-", "…": "..."})
_LONGEST_NAME = 100


def draw_sheets(frames: Sequence[Frame]) -> Iterator[tuple[str, Picture]]:
    """Yield file names and RGB pictures, uint8 [H, W, 3], of the worst frames and of some of the others.

    Names are made of the frame's and its fog's letters, digits, dots and dashes, and are unique whatever the case.
    """
    taken: set[str] = set()
    for frame in choose(frames):
        stem = file_stem(f"{frame.name} {frame.fog}")
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        yield f"{name}.png", draw(frame)


def choose(frames: Sequence[Frame]) -> list[Frame]:
    """Return the frames to draw, worst first by their first score."""
    ordered = by_score(frames)
    others = ordered[WORST:]
    spread = np.linspace(0, len(others) - 1, min(SPREAD, len(others))).round().astype(int)
    return ordered[:WORST] + [others[number] for number in spread]


def draw(frame: Frame) -> Picture:
    """Return a frame's pictures in a row for each of their kinds, RGB uint8 [H, W, 3]."""
    rows: dict[str, dict[str, Picture]] = {}
    for caption in frame.pictures:
        words = caption.translate(_PLAIN_LETTERS).encode("ascii", "replace").decode()
        rows.setdefault(kind_of(caption), {})[words] = decode(frame, caption)
    return grid(list(rows.values()))


def file_stem(text: str) -> str:
    """Return a text as the start of a file's name that is safe on every file system."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text.translate(_PLAIN_LETTERS)).strip("-.")
    return plain[:_LONGEST_NAME].rstrip("-.") or "frame"
