"""Write a ROS 2 bag that is in its place only when it is whole."""

import os
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from rosbags.interfaces import Connection, Qos
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.rosbag2.enums import CompressionFormat, CompressionMode
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys.store import Typestore

from dfs_core.errors import BagError
from dfs_core.whole_output import whole_output
from dfs_ros.bag import STORAGES

_PLUGINS = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}


class BagWriter:
    """A bag that is being written; use it as a context manager.

    A target that ends in .mcap or .db3 becomes that bare file, any other a folder with metadata.yaml.

    Attributes:
        target: where it shall be.
        storage: "mcap" or "sqlite3".
        counts: messages written so far, by topic.
        place: the folder that is written to meanwhile, a hidden one beside the target.
    """

    def __init__(self, target: Path, *, storage: str, overwrite: bool = False, compress: bool = False) -> None:
        """Describe the bag.

        Args:
            target: where it shall be.
            storage: "mcap" or "sqlite3"; a target's suffix comes first.
            overwrite: whether an existing target may be replaced.
            compress: whether chunks are compressed by zstd (MCAP only), which pays for raw images and masks, not JPEG.

        Raises:
            BagError: the target ends in .bag.
        """
        if target.suffix == ".bag":
            raise BagError(
                f"{target}: ROS 1 bags are read, not written; name a folder, or a file ending in .mcap or .db3"
            )
        self.target = target
        self.storage = STORAGES.get(target.suffix, storage)
        self._bare = target.suffix in STORAGES
        self._overwrite = overwrite
        self._compress = compress and self.storage == "mcap"
        self._stack = ExitStack()
        self._channels: dict[str, Connection] = {}
        self.counts: dict[str, int] = {}
        self.place = target

    def __enter__(self) -> "BagWriter":
        """Open the bag under another name.

        Raises:
            OutputError: the target exists and may not be replaced, or cannot be written there.
        """
        with ExitStack() as stack:
            place = stack.enter_context(whole_output(self.target, overwrite=self._overwrite))
            folder = place.parent / "bag" / place.stem if self._bare else place
            self.place = folder
            # Version 8 of metadata.yaml is the newest that Humble reads as well.
            self._writer = Writer(folder, version=8, storage_plugin=_PLUGINS[self.storage])
            if self._compress:
                self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            if self._bare:
                stack.callback(_move_out, folder, place)
            stack.enter_context(self._writer)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the bag and move it into place; after an error, remove what there is of it."""
        self._stack.__exit__(kind, error, trace)

    def add_topic(self, name: str, message_type: str, types: Typestore, *, qos: Collection[Qos] = ()) -> None:
        """Announce a topic.

        Args:
            name: topic name.
            message_type: such as "sensor_msgs/msg/Image".
            types: knows that type; its definition goes into the bag.
            qos: what its publishers offered.

        Raises:
            BagError: the topic is there already, or `types` does not know its type.
        """
        if name in self._channels:
            raise BagError(f"{self.target}: topic {name} would be written twice; leave one of its sources out")
        if message_type not in types.fielddefs:
            raise BagError(
                f"{self.target}: the definition of {message_type} ({name}) is neither in the bag nor known; "
                "leave the topic out, or convert the bag where it was recorded"
            )
        self._channels[name] = self._writer.add_connection(
            name, message_type, typestore=types, offered_qos_profiles=list(qos)
        )
        self.counts[name] = 0

    def write(self, topic: str, stamp_ns: int, data: bytes | memoryview) -> None:
        """Append a message: its CDR bytes, recorded at a time in nanoseconds since 1970.

        Raises:
            BagError: it cannot be written.
        """
        try:
            self._writer.write(self._channels[topic], stamp_ns, data)
        except (OSError, WriterError) as error:
            raise BagError(f"{self.target}: cannot be written ({error}); is the disk full?") from error
        self.counts[topic] += 1

    def flush(self) -> None:
        """Put what was written on the disk, so that it can be read even if this process is killed.

        Raises:
            BagError: it cannot be written.
        """
        storage = self._writer.storage
        if not isinstance(storage, McapWriter):
            return
        try:
            if storage.chunk.bio.tell():
                storage.close_chunk()
            storage.bio.flush()
            os.fsync(storage.bio.fileno())
        except OSError as error:
            raise BagError(f"{self.target}: cannot be written ({error}); is the disk full?") from error


def _move_out(folder: Path, place: Path) -> None:
    """Move a bag's one storage file out of its folder, if it was written to its end."""
    for file in folder.glob(f"*{place.suffix}"):
        file.replace(place)
