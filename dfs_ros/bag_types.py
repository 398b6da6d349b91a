"""Message types of bags: from the definitions that they hold, else from the ROS 2 distributions that rosbags knows."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rosbags.convert.converter import is_same_wireformat, migrate_bytes
from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat, Nodetype
from rosbags.interfaces.typing import Typesdict
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from dfs_core.errors import BagError

RENAMED_TYPES = {"tf/msg/tfMessage": "tf2_msgs/msg/TFMessage"}
"""ROS 1 types that have another name in ROS 2."""

_HEADER = "std_msgs/msg/Header"
_IDL_RULE = "=" * 80 + "\n"


@cache
def standard_types() -> Typestore:
    """Return the types that come with ROS 2 Jazzy."""
    return get_typestore(Stores.ROS2_JAZZY)


def types_of(definitions: Mapping[str, MessageDefinition]) -> Typestore:
    """Return the types of a ROS 2 bag: its own definitions first, for they say how its bytes are laid out.

    Args:
        definitions: by type name; those without text are looked up among the standard types, if they are there.
    """
    found: Typesdict = {}
    for name, definition in definitions.items():
        found.update(_parse(name, definition))
    if not definitions.keys() <= found.keys():
        found = {**standard_types().fielddefs, **found}
    store = get_typestore(Stores.EMPTY)
    store.register(found)
    return store


def installed_types(name: str) -> Typestore:
    """Return a store that knows an installed type, by its .msg file when it is not a standard one.

    Raises:
        BagError: its definition is not installed.
    """
    if name in standard_types().fielddefs:
        return standard_types()
    found: Typesdict = {}
    missing = [name]
    while missing:
        wanted = missing.pop()
        found.update(get_types_from_msg(_message_file(wanted).read_text(), wanted))
        parts = {part for _, fields in found.values() for _, field in fields for part in _names(field)}
        missing = sorted(parts - found.keys() - standard_types().fielddefs.keys())
    store = get_typestore(Stores.EMPTY)
    store.register({**standard_types().fielddefs, **found})
    return store


class Ros1Converter:
    """Turns messages of a ROS 1 bag into CDR bytes of the ROS 2 types of the same names."""

    def __init__(self, definitions: Mapping[str, MessageDefinition]) -> None:
        """Learn the bag's own types, and take those of ROS 2 where there are any."""
        found: Typesdict = {}
        for name, definition in definitions.items():
            found.update(_parse(name, definition))
        self._ros1 = get_typestore(Stores.EMPTY)
        self._ros1.register(found)
        self.types = get_typestore(Stores.EMPTY)
        self.types.register({**found, **standard_types().fielddefs})
        self._same: dict[str, bool] = {}
        self._cache: dict[str, object] = {}

    def to_cdr(self, data: bytes | memoryview, name: str) -> memoryview:
        """Return the CDR bytes of a serialised ROS 1 message; fields that ROS 2 added have their default value."""
        new_name = RENAMED_TYPES.get(name, name)
        if name not in self._same:
            self._same[name] = is_same_wireformat(self._ros1, self.types, name, new_name)
        if self._same[name]:
            return self.types.ros1_to_cdr(data, new_name)
        return migrate_bytes(self._ros1, self.types, name, new_name, self._cache, data, src_is2=False, dst_is2=True)


def _parse(name: str, definition: MessageDefinition) -> Typesdict:
    if definition.format is MessageDefinitionFormat.NONE or not definition.data:
        return {}
    if definition.format is MessageDefinitionFormat.MSG:
        return get_types_from_msg(definition.data, name)
    found: Typesdict = {}
    for text in definition.data.split(_IDL_RULE):  # one file after the other, each under a line "IDL: name"
        if body := text.partition("\n")[2] if text.startswith("IDL: ") else text:
            found.update(get_types_from_idl(body))
    return found


def _message_file(name: str) -> Path:
    """Return the .msg file of an installed type."""
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    package, _, short = name.split("/")
    try:
        file = Path(get_package_share_directory(package)) / "msg" / f"{short}.msg"
    except PackageNotFoundError as error:
        raise BagError(
            f"message type {name}: package {package} is not installed; install it or leave it out"
        ) from error
    if not file.is_file():
        raise BagError(f"message type {name}: no {file}; install the package again or leave the topic out")
    return file


def _names(field: Any) -> set[str]:
    """Return the message types that a field's description names."""
    kind, what = field
    if kind == Nodetype.NAME:
        return {what}
    return _names(what[0]) if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE) else set()
