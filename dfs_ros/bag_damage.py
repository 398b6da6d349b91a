"""Read what is left of a bag file that was cut off: a recorder killed, a disk full, a copy broken off."""

import struct
from collections import Counter
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import apsw
from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinition, MessageDefinitionFormat
from rosbags.rosbag2.errors import ReaderError
from rosbags.rosbag2.metadata import parse_qos
from rosbags.rosbag2.storage_mcap import McapReader

_MCAP_MAGIC = b"\x89MCAP0\r\n"
_MCAP_RECORD = struct.Struct("<BQ")  # opcode, length


class CutMcap:
    """The whole records at the front of an MCAP file whose end is missing."""

    def __init__(self, path: Path) -> None:
        """Find the last whole record, and the topics before it.

        Raises:
            ReaderError: not one record is whole, or a whole one is damaged.
        """
        self._file = path.open("rb")
        try:
            data_start, data_end = _whole_records(self._file)
            self._reader = McapReader(path)
            self._reader.bio = self._file
            self._reader.data_start, self._reader.data_end = data_start, data_end
            self._reader.meta_scan()
        except BaseException:
            self._file.close()
            raise
        statistics = self._reader.statistics
        assert statistics is not None, "meta_scan sets them"  # noqa: S101
        counts = statistics.channel_message_counts
        self.connections = [entry._replace(msgcount=counts.get(entry.id, 0)) for entry in self._reader.connections]
        self.start_ns, self.end_ns = statistics.start_time, statistics.end_time

    def messages(
        self, connections: Collection[Connection], start: int | None
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield connection, time in ns and bytes in the order of the file."""
        return self._reader.messages_scan(connections, start)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class CutSqlite3:
    """The rows that can still be read of an sqlite3 bag file whose end is missing."""

    def __init__(self, path: Path) -> None:
        """Read the topics, and count the messages up to the first page that is missing.

        Raises:
            ReaderError: the topics cannot be read.
        """
        self._files = _WholePages(_page_size(path))
        try:
            self._database = apsw.Connection(
                f"{path.absolute().as_uri()}?immutable=1",
                flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
                vfs=self._files.name,
            )
            # Without this, sqlite refuses a file that is shorter than its header says.
            self._database.execute("PRAGMA writable_schema = ON")
            rows: list[Any] = list(self._database.execute("SELECT id, name, type, serialization_format, * FROM topics"))
            columns = [entry[1] for entry in self._database.execute("PRAGMA table_info(topics)")]
            definitions = self._definitions()
        except apsw.Error as error:
            raise ReaderError(f"its topics cannot be read ({error})") from error
        counts: Counter[int] = Counter()
        stamps: list[int] = []
        with closing(self._rows("topic_id, timestamp")) as messages:
            for topic, stamp in messages:
                counts[topic] += 1
                stamps.append(stamp)
        self.start_ns, self.end_ns = (min(stamps), max(stamps)) if stamps else (0, 0)
        self.connections = []
        for number, name, message_type, serialization, *fields in rows:
            extra = dict(zip(columns, fields, strict=True))
            self.connections.append(
                Connection(
                    id=number,
                    topic=name,
                    msgtype=message_type,
                    msgdef=definitions.get(message_type, MessageDefinition(MessageDefinitionFormat.NONE, "")),
                    digest=extra.get("type_description_hash", ""),
                    msgcount=counts[number],
                    ext=ConnectionExtRosbag2(serialization, parse_qos(extra.get("offered_qos_profiles", ""))),
                    owner=self,
                )
            )

    def messages(
        self, connections: Collection[Connection], start: int | None
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield connection, time in ns and bytes in the order of writing."""
        wanted = {entry.id: entry for entry in connections}
        with closing(self._rows("topic_id, timestamp, data")) as messages:
            for topic, stamp, data in messages:
                if topic in wanted and (start is None or stamp >= start):
                    yield wanted[topic], stamp, data

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _rows(self, columns: str) -> Generator[tuple[Any, ...], None, None]:
        """Yield rows of the messages until one cannot be read."""
        try:
            yield from self._database.execute(f"SELECT {columns} FROM messages ORDER BY id")  # noqa: S608 (our own names)
        except apsw.Error:
            return  # here the file ends; the caller says how many messages came before

    def _definitions(self) -> dict[str, MessageDefinition]:
        """Return the definitions of the message types; bags before schema 4 hold none."""
        tables = {name for (name,) in self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "message_definitions" not in tables:
            return {}
        formats = {"ros2msg": MessageDefinitionFormat.MSG, "ros2idl": MessageDefinitionFormat.IDL}
        return {
            name: MessageDefinition(formats[encoding], text)
            for name, encoding, text in self._database.execute(
                "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
            )
            if encoding in formats
        }


class _WholePages(apsw.VFS):
    """Files without the page that was cut through: sqlite would take zeros for what is missing of it."""

    def __init__(self, page_size: int) -> None:
        self.name = f"dfs whole pages {id(self)}"
        self._page_size = page_size
        super().__init__(self.name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 (sqlite's name)
        page_size = self._page_size

        class File(apsw.VFSFile):
            def xFileSize(self) -> int:  # noqa: N802 (sqlite's name)
                return super().xFileSize() // page_size * page_size

        return File("", name, flags)


def _page_size(path: Path) -> int:
    """Return the page size of an sqlite3 file."""
    with path.open("rb") as file:
        head = file.read(18)
    if len(head) < 18 or not head.startswith(b"SQLite format 3\0"):
        raise ReaderError("it does not begin like an sqlite3 file")
    return int.from_bytes(head[16:], "big") or 1 << 16


def _whole_records(file: BinaryIO) -> tuple[int, int]:
    """Return where the records after an MCAP file's header start, and where the last whole one ends."""
    size = file.seek(0, 2)
    file.seek(0)
    if file.read(len(_MCAP_MAGIC)) != _MCAP_MAGIC:
        raise ReaderError("it does not begin like an MCAP file")
    data_start = None
    end = file.tell()
    while len(head := file.read(_MCAP_RECORD.size)) == _MCAP_RECORD.size:
        _, length = _MCAP_RECORD.unpack(head)
        if end + _MCAP_RECORD.size + length > size:
            break
        end = file.seek(end + _MCAP_RECORD.size + length)
        data_start = data_start or end
    if data_start is None:
        raise ReaderError("not even its header is whole")
    return data_start, end
