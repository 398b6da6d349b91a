"""Open a recorded bag of any kind (ROS 2 sqlite3 or MCAP, ROS 1) and read its messages as CDR bytes."""

from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rosbags.interfaces import Connection, ConnectionExtRosbag1, ConnectionExtRosbag2, MessageDefinition, Qos
from rosbags.rosbag1 import Reader as Reader1
from rosbags.rosbag2 import Reader as Reader2
from rosbags.typesys.store import Typestore

from dfs_core.errors import BagError
from dfs_ros.bag_damage import CutMcap, CutSqlite3
from dfs_ros.bag_qos import LATCHED, is_latched
from dfs_ros.bag_types import RENAMED_TYPES, Ros1Converter, types_of

STORAGES = {".mcap": "mcap", ".db3": "sqlite3"}
"""Storage by the suffix of its files."""


@dataclass(frozen=True)
class Topic:
    """One topic of a bag.

    Attributes:
        name: topic name.
        type: message type, such as "sensor_msgs/msg/Image".
        count: number of messages.
        qos: what its publishers offered; empty when the bag does not say.
    """

    name: str
    type: str
    count: int
    qos: tuple[Qos, ...] = ()

    @property
    def latched(self) -> bool:
        """Whether late subscribers got its last message."""
        return is_latched(self.qos)


class Record(NamedTuple):
    """One message: its topic, when it was recorded in nanoseconds since 1970, and its CDR bytes."""

    topic: Topic
    stamp_ns: int
    data: bytes | memoryview


class CutBagError(BagError):
    """A bag ended before its end; everything that can be read has been read."""


class Bag:
    """An open bag; use it as a context manager.

    Attributes:
        path: what was opened.
        storage: "sqlite3", "mcap" or "rosbag1".
        topics: in the order of the bag.
        start_ns: when the first message was recorded.
        end_ns: when the last one was.
        damage: what is wrong with the bag, None when it is whole.
    """

    def __init__(self, path: Path, storage: str, parts: "list[_Part]", damage: str | None) -> None:
        """Take over files that are open; `open_bag` makes bags."""
        self.path = path
        self.storage = storage
        self.damage = damage
        self._parts = parts
        self._topics: dict[tuple[str, str], Topic] = {}
        for entry in (entry for part in parts for entry in part.connections):
            key = _key(entry)
            known = self._topics.get(key, Topic(*key, 0))
            qos = known.qos + tuple(profile for profile in _qos(entry) if profile not in known.qos)
            self._topics[key] = Topic(*key, known.count + entry.msgcount, qos)
        self.topics = tuple(self._topics.values())
        spans = [(part.start_ns, part.end_ns) for part in parts if any(entry.msgcount for entry in part.connections)]
        self.start_ns, self.end_ns = min((s for s, _ in spans), default=0), max((e for _, e in spans), default=0)

    def __enter__(self) -> "Bag":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the bag."""
        self.close()

    def close(self) -> None:
        """Close its files."""
        for part in self._parts:
            part.close()

    @property
    def count(self) -> int:
        """Number of messages."""
        return sum(topic.count for topic in self.topics)

    @property
    def duration_s(self) -> float:
        """Seconds between the first and the last message."""
        return (self.end_ns - self.start_ns) / 1e9

    @cached_property
    def types(self) -> Typestore:
        """The message types of this bag as ROS 2 knows them, to read and write CDR bytes."""
        return self._ros1.types if self.storage == "rosbag1" else types_of(self._definitions())

    def records(
        self, topics: Collection[str] | None = None, *, start_ns: int | None = None
    ) -> Generator[Record, None, None]:
        """Yield messages in the order of their recording.

        Args:
            topics: only these; all if not given.
            start_ns: only messages recorded at or after this time.

        Raises:
            BagError: a name in `topics` is not in the bag.
            CutBagError: the bag is cut off or damaged; raised after the last message that can be read.
        """
        if unknown := sorted(set(topics or ()) - {topic.name for topic in self.topics}):
            raise BagError(
                f"{self.path}: no topic {', '.join(unknown)}, only {', '.join(sorted(t.name for t in self.topics))}"
            )
        return self._records(topics, start_ns)

    def _records(self, topics: Collection[str] | None, start_ns: int | None) -> Generator[Record, None, None]:
        convert = self._ros1.to_cdr if self.storage == "rosbag1" else None
        count = 0
        for part in self._parts:
            wanted = [entry for entry in part.connections if topics is None or entry.topic in topics]
            if not wanted:
                continue
            messages = part.messages(wanted, start_ns)
            while True:
                try:
                    entry, stamp, data = next(messages)
                    record = Record(self._topics[_key(entry)], stamp, convert(data, entry.msgtype) if convert else data)
                except StopIteration:
                    break
                except Exception as error:  # a damaged file trips the parser anywhere, so any error may come
                    raise CutBagError(
                        f"{self.path}: damaged after {count} messages ({type(error).__name__}: {error}); "
                        "what came before can be used"
                    ) from error
                count += 1
                yield record
        if self.damage:
            raise CutBagError(f"{self.path}: {self.damage}; {count} messages could be read")

    @cached_property
    def _ros1(self) -> Ros1Converter:
        return Ros1Converter(self._definitions())

    def _definitions(self) -> dict[str, MessageDefinition]:
        return {entry.msgtype: entry.msgdef for part in self._parts for entry in part.connections}


def open_bag(path: Path) -> Bag:
    """Open a folder with metadata.yaml, a bare .mcap or .db3 file, or a ROS 1 .bag file.

    A ROS 2 bag that was cut off is opened as far as it goes: see `Bag.damage`.

    Raises:
        BagError: there is no such path, it is not a bag, it cannot be read at all, or it holds no message.
    """
    if not path.exists():
        raise BagError(f"{path}: no such bag; give a folder with metadata.yaml, or a .mcap, .db3 or .bag file")
    if path.is_dir():
        bag = _open_folder(path)
    elif path.suffix == ".bag":
        bag = _open_ros1(path)
    elif path.suffix in STORAGES:
        bag = _open_files(path, [path])
    else:
        raise BagError(f"{path}: not a bag; give a folder with metadata.yaml, or a .mcap, .db3 or .bag file")
    if bag.count == 0:
        bag.close()
        raise BagError(
            f"{path}: no message in it{f' that can be read: {bag.damage}' if bag.damage else ''}; record it again"
        )
    return bag


class _Part(Protocol):
    """One open file, or one intact folder."""

    connections: list[Connection]
    start_ns: int
    end_ns: int

    def messages(self, connections: Collection[Connection], start: int | None) -> Iterator[tuple[Connection, int, Any]]:
        """Yield connection, time in ns and bytes."""

    def close(self) -> None:
        """Close the file."""


class _Intact:
    """What rosbags itself can open."""

    def __init__(self, make: Callable[[Path], Reader1 | Reader2], path: Path) -> None:
        self._reader = make(path)
        self._reader.open()
        self.connections = list(self._reader.connections)
        self.start_ns, self.end_ns = self._reader.start_time, self._reader.end_time - 1

    def messages(self, connections: Collection[Connection], start: int | None) -> Iterator[tuple[Connection, int, Any]]:
        return self._reader.messages(connections, start)

    def close(self) -> None:
        self._reader.close()


def _open_folder(path: Path) -> Bag:
    files = sorted(file for file in path.iterdir() if file.suffix in STORAGES)
    if not (path / "metadata.yaml").is_file():
        if not files:
            raise BagError(
                f"{path}: no metadata.yaml and no .mcap or .db3 file in this folder, so it is not a ROS 2 bag"
            )
        return _open_files(path, files)  # its recorder was killed, which need not have hurt them
    try:
        part = _Intact(Reader2, path)
    except Exception as error:
        if not files:
            raise BagError(f"{path}: not a readable bag ({error}); record or copy it again") from error
        return _open_files(path, files, why=f"cannot be opened as a whole ({error})")
    return Bag(path, STORAGES[files[0].suffix] if files else "mcap", [part], None)


def _open_files(path: Path, files: list[Path], *, why: str | None = None) -> Bag:
    """Open storage files one by one, each as far as it goes; `why` not all at once, when there was another way."""
    opened = [_open_file(file) for file in files]
    damage = "; ".join(complaint for _, complaint in opened if complaint) or why
    parts = [part for part, _ in opened if part is not None]
    if not parts:
        raise BagError(f"{path}: not a readable bag: {damage}; record or copy it again")
    return Bag(path, STORAGES[files[0].suffix], parts, damage)


def _open_file(file: Path) -> "tuple[_Part | None, str | None]":
    """Return a file as far as it can be read, and what is wrong with it."""
    try:
        return _Intact(Reader2, file), None
    except Exception as error:  # noqa: BLE001 (a damaged file trips the parser anywhere, so any error may come)
        complaint = f"{file.name} is cut off or damaged ({error})"
    try:
        return (CutMcap(file) if file.suffix == ".mcap" else CutSqlite3(file)), complaint
    except Exception as error:  # noqa: BLE001 (as above)
        return None, f"{file.name} cannot be read: {error}"


def _open_ros1(path: Path) -> Bag:
    try:
        return Bag(path, "rosbag1", [_Intact(Reader1, path)], None)
    except Exception as error:
        raise BagError(
            f"{path}: not a readable ROS 1 bag ({error}); if it was cut off, `rosbag reindex` repairs it"
        ) from error


def _key(entry: Connection) -> tuple[str, str]:
    return entry.topic, RENAMED_TYPES.get(entry.msgtype, entry.msgtype)


def _qos(entry: Connection) -> tuple[Qos, ...]:
    """Return what the publishers offered; ROS 1 knows only latching."""
    if isinstance(entry.ext, ConnectionExtRosbag1):
        return (LATCHED,) if entry.ext.latching else ()
    assert isinstance(entry.ext, ConnectionExtRosbag2)  # noqa: S101 (for the type checker)
    return tuple(entry.ext.offered_qos_profiles)
