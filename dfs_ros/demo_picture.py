"""Draw frames of a recorded run, spread over its length: hazy | dehazed | segmentation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dfs_core.errors import BagError
from dfs_core.labels import LabelClass, LabelSet
from dfs_core.panels import Picture, Row, panel
from dfs_ros import image_message
from dfs_ros.bag import Bag, open_bag
from dfs_ros.demo_run import Topics

ROWS = 6

_IMAGE = "sensor_msgs/msg/Image"
_FAR_M = 1000.0
"""Where fog ends; beyond, a figure means nothing."""


@dataclass
class _Moment:
    """What was recorded of one frame, as bytes and the kind of message."""

    number: int
    parts: dict[str, tuple[str, bytes | memoryview]] = field(default_factory=dict)
    visibility_m: float | None = None


def draw(bag: Path, topics: Topics, picture: Path) -> int:
    """Write the picture of a recorded run, and return how many frames it shows.

    Raises:
        BagError: the bag cannot be read, or holds no frame with all that belongs to it.
    """
    with open_bag(bag) as opened:
        moments = _moments(opened, topics)
        if not moments:
            raise BagError(f"{bag}: no frame of {topics.image} has both {topics.dehazed} and {topics.mask}")
        labels = _labels(opened, topics)
        chosen = [moments[index] for index in spread(len(moments), ROWS)]
        rows = [_row(opened, moment, topics) for moment in chosen]
    cv2.imwrite(str(picture), cv2.cvtColor(panel(rows, labels), cv2.COLOR_RGB2BGR))
    return len(rows)


def spread(count: int, wanted: int) -> list[int]:
    """Return indices spread evenly over `count` items, the first and the last among them; fewer if there are fewer."""
    return sorted({round(index) for index in np.linspace(0, count - 1, min(count, wanted))})


def _moments(bag: Bag, topics: Topics) -> list[_Moment]:
    """Return the frames of which everything was recorded, in order.

    Messages of one frame have one stamp. Visibility has none: it comes after the other answers to its frame.
    """
    found: dict[tuple[int, int], _Moment] = {}
    answered: _Moment | None = None
    images = 0
    pictures = (topics.image, topics.dehazed, topics.mask)
    for record in bag.records([name for name in (*pictures, topics.visibility) if _has(bag, name)]):
        message: Any = bag.types.deserialize_cdr(record.data, record.topic.type)
        if record.topic.name == topics.visibility:
            if answered is not None:
                answered.visibility_m = message.data
            continue
        stamp = message.header.stamp.sec, message.header.stamp.nanosec
        moment = found.setdefault(stamp, _Moment(0))
        moment.parts[record.topic.name] = record.topic.type, record.data
        if record.topic.name == topics.image:
            images += 1
            moment.number = images
        else:
            answered = moment
    return [moment for _, moment in sorted(found.items()) if all(name in moment.parts for name in pictures)]


def _row(bag: Bag, moment: _Moment, topics: Topics) -> Row:
    hazy, dehazed = (_rgb(bag, *moment.parts[name]) for name in (topics.image, topics.dehazed))
    _, data = moment.parts[topics.mask]
    mask: Any = bag.types.deserialize_cdr(data, _IMAGE)
    classes = np.frombuffer(mask.data, np.uint8).reshape(mask.height, mask.step)[:, : mask.width]
    return Row(hazy, dehazed, classes, _caption(moment))


def _caption(moment: _Moment) -> str:
    words = f"frame {moment.number}"
    if moment.visibility_m is None:
        return words
    seen = f"{moment.visibility_m:.0f} m" if moment.visibility_m < _FAR_M else f"over {_FAR_M:.0f} m"
    return f"{words}, visibility {seen}"


def _rgb(bag: Bag, kind: str, data: bytes | memoryview) -> Picture:
    message: Any = bag.types.deserialize_cdr(data, kind)
    return image_message.to_array(message) if kind == _IMAGE else image_message.decode(message)


def _labels(bag: Bag, topics: Topics) -> LabelSet:
    """Return what the ids in the masks mean, as the node announced it."""
    for record in bag.records([topics.label_info]):
        message: Any = bag.types.deserialize_cdr(record.data, record.topic.type)
        return _label_set(json.loads(message.data)["class_map"])
    raise BagError(f"{bag.path}: nothing on {topics.label_info}, so the masks cannot be explained")


def _label_set(classes: Sequence[dict[str, Any]]) -> LabelSet:
    return LabelSet("recorded", tuple(LabelClass(c["class_name"], tuple(c["color"]), c["category"]) for c in classes))


def _has(bag: Bag, name: str) -> bool:
    return any(topic.name == name for topic in bag.topics)
