"""Find the class of a message type by its name."""

import importlib
from functools import cache
from typing import Any


@cache
def message_class(name: str) -> Any | None:
    """Return the class of a type such as "sensor_msgs/msg/Image"; None when its package is not installed here."""
    package, _, short = name.replace("/msg/", "/").partition("/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), short, None)
    except ImportError:
        return None


def begins_with_header(kind: Any) -> bool:
    """Tell whether a message class begins with a std_msgs/Header."""
    return next(iter(kind.get_fields_and_field_types().values()), None) == "std_msgs/Header"
