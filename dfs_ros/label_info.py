"""What the ids in a mask mean, as messages: JSON for everybody, vision_msgs/LabelInfo where it is installed."""

import json
from typing import Any

from dfs_core.errors import LabelError
from dfs_core.labels import UNLABELLED, LabelClass, LabelSet


def to_json(labels: LabelSet) -> str:
    """Return the content of a vision_msgs/LabelInfo as JSON, with colours and categories beside the names."""
    classes = [
        {"class_id": number, "class_name": label.name, "color": list(label.color), "category": label.category}
        for number, label in enumerate(labels.classes)
    ]
    content = {"label_set": labels.name, "unlabelled": UNLABELLED, "threshold": 0.0, "class_map": classes}
    return json.dumps(content)


def from_json(text: str) -> LabelSet:
    """Return the classes that `to_json` wrote.

    Raises:
        LabelError: it is other text, or its ids do not count up from 0.
    """
    try:
        content = json.loads(text)
        entries = {entry["class_id"]: entry for entry in content["class_map"]}
        classes = [_class(entries[number]) for number in range(len(content["class_map"]))]
        return LabelSet(str(content.get("label_set", "")), tuple(classes))
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise LabelError(
            f"label info {text[:80]!r} is not JSON with a class_map of class_id (0, 1, …), class_name and color (RGB): "
            f"{type(error).__name__}: {error}; remap it to the segmentation/label_info of a dehaze node"
        ) from error


def to_vision_message(labels: LabelSet) -> Any | None:
    """Return a vision_msgs/LabelInfo, or None where vision_msgs is not installed."""
    try:
        from vision_msgs.msg import LabelInfo, VisionClass
    except ImportError:
        return None
    classes = [VisionClass(class_id=number, class_name=name) for number, name in enumerate(labels.names)]
    return LabelInfo(class_map=classes, threshold=0.0)


def _class(entry: dict[str, Any]) -> LabelClass:
    red, green, blue = map(int, entry["color"])
    return LabelClass(str(entry["class_name"]), (red, green, blue), str(entry.get("category", "")))
