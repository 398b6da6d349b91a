"""Bags of every kind are read whole, and broken ones as far as they go."""

import sqlite3
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dfs_core.errors import BagError, OutputError
from dfs_ros.bag import Bag, CutBagError, Record, open_bag
from dfs_ros.bag_writer import BagWriter

FRAMES = 10
KINDS = ("mcap", "sqlite3", "rosbag1")


def make(recordings: ModuleType, folder: Path, kind: str, **options: object) -> Path:
    return recordings.write(folder / ("road.bag" if kind == "rosbag1" else "road"), storage=kind, **options)


def read_all(bag: Bag, **options: object) -> tuple[list[Record], CutBagError | None]:
    records: list[Record] = []
    try:
        for record in bag.records(**options):
            records.append(record)  # noqa: PERF402 (what came before the error counts)
    except CutBagError as error:
        return records, error
    return records, None


@pytest.mark.parametrize("kind", KINDS)
def test_topics_counts_and_times_are_those_that_were_written(recordings: ModuleType, tmp_path: Path, kind: str) -> None:
    with open_bag(make(recordings, tmp_path, kind, frames=FRAMES)) as bag:
        assert bag.storage == kind
        assert {topic.name: (topic.type, topic.count, topic.latched) for topic in bag.topics} == {
            recordings.NOTE_TOPIC: ("std_msgs/msg/String", 1, True),
            recordings.IMAGE_TOPIC: ("sensor_msgs/msg/CompressedImage", FRAMES, False),
            recordings.INFO_TOPIC: ("sensor_msgs/msg/CameraInfo", FRAMES, False),
        }
        assert bag.count == 1 + 2 * FRAMES
        assert bag.start_ns == recordings.START_NS
        assert bag.duration_s == pytest.approx((FRAMES - 1) * 0.04)
        assert bag.damage is None


@pytest.mark.parametrize("kind", KINDS)
def test_messages_come_in_order_as_cdr_of_ros2(recordings: ModuleType, tmp_path: Path, kind: str) -> None:
    with open_bag(make(recordings, tmp_path, kind, frames=FRAMES)) as bag:
        records, error = read_all(bag)
        assert error is None
        assert [record.stamp_ns for record in records] == sorted(record.stamp_ns for record in records)
        images = [record for record in records if record.topic.name == recordings.IMAGE_TOPIC]
        for number, record in enumerate(images):
            message = bag.types.deserialize_cdr(record.data, record.topic.type)
            assert record.stamp_ns == recordings.stamp_ns(number)
            assert message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == record.stamp_ns
            assert message.header.frame_id == "camera"
            np.testing.assert_array_equal(message.data, recordings.jpeg(number))


def test_ros1_bytes_equal_those_of_the_same_ros2_recording(recordings: ModuleType, tmp_path: Path) -> None:
    old, new = (make(recordings, tmp_path, kind, frames=2) for kind in ("rosbag1", "mcap"))
    with open_bag(old) as first, open_bag(new) as second:
        pairs = zip(read_all(first)[0], read_all(second)[0], strict=True)
        assert all(bytes(one.data) == bytes(other.data) for one, other in pairs)


def test_only_the_topics_and_times_asked_for_are_read(recordings: ModuleType, tmp_path: Path) -> None:
    with open_bag(make(recordings, tmp_path, "mcap", frames=FRAMES)) as bag:
        records, _ = read_all(bag, topics=[recordings.INFO_TOPIC], start_ns=recordings.stamp_ns(4))
    assert [record.stamp_ns for record in records] == [recordings.stamp_ns(number) for number in range(4, FRAMES)]
    assert {record.topic.name for record in records} == {recordings.INFO_TOPIC}


@pytest.mark.parametrize("kind", ["mcap", "sqlite3"])
def test_a_bare_storage_file_and_a_folder_without_metadata_are_bags_too(
    recordings: ModuleType, tmp_path: Path, kind: str
) -> None:
    folder = make(recordings, tmp_path, kind, frames=FRAMES)
    (folder / "metadata.yaml").unlink()
    for path in (folder, recordings.storage_file(folder)):
        with open_bag(path) as bag:
            assert bag.damage is None
            assert len(read_all(bag)[0]) == 1 + 2 * FRAMES


@pytest.mark.parametrize("share", [0.95, 0.5])
def test_a_cut_mcap_gives_the_chunks_that_are_whole_and_then_says_so(
    recordings: ModuleType, tmp_path: Path, share: float
) -> None:
    folder = make(recordings, tmp_path, "mcap", frames=1500)  # several chunks of 1 MiB
    with open_bag(folder) as bag:
        whole, _ = read_all(bag)
    recordings.cut(recordings.storage_file(folder), share)
    with open_bag(folder) as bag:
        records, error = read_all(bag)
        assert bag.count == len(records)
    assert 0.2 * share * len(whole) < len(records) < len(whole)
    assert [(r.topic.name, r.stamp_ns, r.data) for r in records] == [
        (r.topic.name, r.stamp_ns, r.data) for r in whole[: len(records)]
    ]
    assert f"{len(records)} messages could be read" in str(error)
    assert "cut off" in str(error)


def test_a_cut_sqlite3_gives_the_rows_that_are_whole_and_then_says_so(recordings: ModuleType, tmp_path: Path) -> None:
    folder = make(recordings, tmp_path, "sqlite3", frames=1500)
    with open_bag(folder) as bag:
        whole, _ = read_all(bag)
    recordings.cut(recordings.storage_file(folder), 0.9)
    with open_bag(folder) as bag:
        records, error = read_all(bag)
        assert bag.topics[1].qos == (recordings.BEST_EFFORT,)
    assert 0.5 * len(whole) < len(records) < len(whole)
    assert [bytes(record.data) for record in records] == [bytes(record.data) for record in whole[: len(records)]]
    assert f"{len(records)} messages could be read" in str(error)


def test_a_chunk_that_is_damaged_inside_ends_the_reading_with_a_count(recordings: ModuleType, tmp_path: Path) -> None:
    folder = make(recordings, tmp_path, "sqlite3", frames=1500)
    file = recordings.storage_file(folder)
    with sqlite3.connect(file) as database:  # a page in the middle is overwritten; the ends stay readable
        (page_size,) = database.execute("PRAGMA page_size").fetchone()
    data = bytearray(file.read_bytes())
    middle = len(data) // page_size // 2 * page_size
    data[middle : middle + 20 * page_size] = bytes(20 * page_size)
    file.write_bytes(data)
    with open_bag(folder) as bag:
        records, error = read_all(bag)
    assert 0 < len(records) < 1 + 2 * 1500
    assert f"{len(records)} messages" in str(error)


def test_what_is_no_bag_is_refused_with_what_to_give_instead(recordings: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mcap").write_text("this is no MCAP")
    (tmp_path / "text.txt").write_text("nor this")
    (tmp_path / "text.db3").write_text("nor this" * 1000)
    silent = recordings.write(tmp_path / "silent", frames=0)
    recordings.cut(recordings.storage_file(silent), 0.1)
    old = recordings.write(tmp_path / "old.bag", storage="rosbag1")
    recordings.cut(old, 0.5)
    for name, words in {
        "nothing": "no such bag; give a folder with metadata.yaml",
        "empty": "no metadata.yaml and no .mcap or .db3 file",
        "text.txt": "not a bag; give a folder",
        "text.mcap": "not a readable bag: text.mcap cannot be read",
        "text.db3": "not a readable bag: text.db3 cannot be read",
        "silent": "record it again",
        "old.bag": "`rosbag reindex` repairs it",
    }.items():
        with pytest.raises(BagError, match=words):
            open_bag(tmp_path / name)


def test_a_topic_that_is_not_there_is_named(recordings: ModuleType, tmp_path: Path) -> None:
    with (
        open_bag(make(recordings, tmp_path, "mcap")) as bag,
        pytest.raises(BagError, match=r"no topic /other, only .*/note"),
    ):
        bag.records(["/other"])


@pytest.mark.parametrize("name", ["copy", "copy.mcap", "copy.db3"])
def test_a_written_bag_holds_messages_times_and_qos_of_the_one_it_copies(
    recordings: ModuleType, tmp_path: Path, name: str
) -> None:
    with open_bag(make(recordings, tmp_path, "sqlite3")) as source:
        with BagWriter(tmp_path / name, storage="mcap", compress=True) as writer:
            for topic in source.topics:
                writer.add_topic(topic.name, topic.type, source.types, qos=topic.qos)
            for record in source.records():
                writer.write(record.topic.name, record.stamp_ns, record.data)
            assert not (tmp_path / name).exists()
        with open_bag(tmp_path / name) as copy:
            assert [(r.topic, r.stamp_ns, bytes(r.data)) for r in copy.records()] == [
                (r.topic, r.stamp_ns, bytes(r.data)) for r in source.records()
            ]


def test_a_bag_whose_writing_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyError), BagWriter(tmp_path / "half", storage="mcap"):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_an_existing_target_stays_unless_it_may_be_replaced(recordings: ModuleType, tmp_path: Path) -> None:
    path = make(recordings, tmp_path, "mcap")
    with pytest.raises(OutputError, match="exists already; name another output, or give --overwrite"):
        BagWriter(path, storage="mcap").__enter__()
    with BagWriter(path, storage="sqlite3", overwrite=True):
        pass
    assert recordings.storage_file(path).suffix == ".db3"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_ros1_bags_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="ROS 1 bags are read, not written"):
        BagWriter(tmp_path / "new.bag", storage="mcap")
