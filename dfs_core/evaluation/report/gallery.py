"""The frames of a report as its page holds them: every picture once, and an index that a script reads."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2

from dfs_core.evaluation.report.machine import plain
from dfs_core.evaluation.report.numbers import figure
from dfs_core.evaluation.report.pictures import data_uri, decode, kind_of, mime_type, scene_of
from dfs_core.evaluation.results import Column, Frame, Results
from dfs_core.panels import Picture

_THUMBNAIL_WIDTH = 176


@dataclass(frozen=True)
class Gallery:
    """What the page's browser needs.

    Attributes:
        pictures: data URIs, each picture once; the index names them by number.
        index: frames, scores and classes, as JSON can hold them.
    """

    pictures: list[str]
    index: dict[str, Any]


def make_gallery(results: Results) -> Gallery:
    """Return the frames of a report for its page, worst first.

    Raises:
        FrameError: a picture is neither JPEG nor PNG, or damaged.
    """
    addresses: dict[bytes, tuple[int, str]] = {}
    columns = {name: column for column in results.columns for name in (column.title, column.key)}
    frames = [_entry(frame, addresses, columns) for frame in by_score(results.frames)]
    scores = dict.fromkeys(name for frame in results.frames for name in frame.scores)
    index = {
        "frames": frames,
        "scores": [{"key": name, "title": columns[name].title if name in columns else name} for name in scores],
        "fogs": list(dict.fromkeys(frame.fog for frame in results.frames)),
        "classes": [
            {"name": label.name, "color": "#{:02x}{:02x}{:02x}".format(*label.color)}
            for label in (results.labels.classes if results.labels else ())
        ],
    }
    return Gallery([address for _, address in addresses.values()], plain(index))


def by_score(frames: Sequence[Frame]) -> list[Frame]:
    """Return the frames, worst first by the first score of each; those without one last."""

    def key(frame: Frame) -> float:
        score = next(iter(frame.scores.values()), math.nan)
        return math.inf if math.isnan(score) else score

    return sorted(frames, key=key)


def _entry(frame: Frame, addresses: dict[bytes, tuple[int, str]], columns: Mapping[str, Column]) -> dict[str, Any]:
    """Return a frame's place in the index; its pictures get addresses unless they have some."""
    pictures = {}
    for caption, encoded in frame.pictures.items():
        if encoded not in addresses:
            addresses[encoded] = (len(addresses), data_uri(encoded, mime_type(frame, caption)))
        pictures[caption] = {"number": addresses[encoded][0], "of": scene_of(caption), "kind": kind_of(caption)}
    first, last = (decode(frame, list(pictures)[number]) for number in (0, min(1, len(pictures) - 1)))
    titles = dict.fromkeys(title for figures in frame.figures.values() for title in figures)
    return {
        "name": frame.name,
        "fog": frame.fog,
        "scores": frame.scores,
        "words": {name: figure(score, columns.get(name)) for name, score in frame.scores.items()},
        "titles": [columns[title].title if title in columns else title for title in titles],
        "figures": [
            [picture, *(figure(figures.get(title), columns.get(title)) for title in titles)]
            for picture, figures in frame.figures.items()
        ],
        "pictures": pictures,
        "ratio": first.shape[1] / first.shape[0],
        "thumbnail": _thumbnail(first, last),
    }


def _thumbnail(left: Picture, right: Picture) -> str:
    """Return the left half of a picture [H, W, 3] and the right half of another, small, as an address."""
    size = (_THUMBNAIL_WIDTH, max(1, round(_THUMBNAIL_WIDTH * left.shape[0] / left.shape[1])))
    small, halves = (cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in (left, right))
    halves[:, : _THUMBNAIL_WIDTH // 2] = small[:, : _THUMBNAIL_WIDTH // 2]
    encoded = cv2.imencode(".jpg", halves[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 72])[1]
    return data_uri(encoded.tobytes(), "image/jpeg")
