"""What the ids in a mask mean, as messages: JSON for everybody, vision_msgs/LabelInfo where it is installed."""

import json
from typing import Any

from dfs_core.labels import UNLABELLED, LabelSet


def to_json(labels: LabelSet) -> str:
    """Return the content of a vision_msgs/LabelInfo as JSON, with colours and categories beside the names."""
    classes = [
        {"class_id": number, "class_name": label.name, "color": list(label.color), "category": label.category}
        for number, label in enumerate(labels.classes)
    ]
    content = {"label_set": labels.name, "unlabelled": UNLABELLED, "threshold": 0.0, "class_map": classes}
    return json.dumps(content)


def to_vision_message(labels: LabelSet) -> Any | None:
    """Return a vision_msgs/LabelInfo, or None where vision_msgs is not installed."""
    try:
        from vision_msgs.msg import LabelInfo, VisionClass
    except ImportError:
        return None
    classes = [VisionClass(class_id=number, class_name=name) for number, name in enumerate(labels.names)]
    return LabelInfo(class_map=classes, threshold=0.0)
