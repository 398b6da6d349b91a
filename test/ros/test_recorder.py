"""The recorder as a process: what is published over real DDS is in the bag, byte for byte."""

import re
import signal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dfs_core.errors import BagError
from dfs_ros.bag import open_bag

FRAMES = 20


def record(graph: Any, output: Path, *topics: str) -> Any:
    return graph.start("dfs_ros.recorder", "-p", f"output:={output}", "-p", f"topics:=[{', '.join(topics)}]")


def wait_until_written(graph: Any, number: int) -> None:
    from std_msgs.msg import UInt64

    counts = graph.listen(UInt64, "/recorder/count", latched=True)
    graph.wait(lambda: counts and counts[-1].data == number, f"{number} messages in the bag")


def padded(data: bytes) -> bytes:
    """Return CDR bytes as DDS delivers them: filled up to a multiple of four."""
    return data + bytes(-len(data) % 4)


def is_heard(graph: Any, *topics: str) -> bool:
    return all(graph.node.count_subscribers(topic) for topic in topics)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["record", "record.mcap"])
def test_a_bag_that_is_played_is_recorded_whole_with_its_qos(
    graph: Any, recordings: ModuleType, tmp_path: Path, number: signal.Signals, name: str
) -> None:
    bag = recordings.write(tmp_path / "road", frames=FRAMES, reliable=True)
    topics = (recordings.IMAGE_TOPIC, recordings.NOTE_TOPIC)
    output = tmp_path / name
    recorder = record(graph, output, *topics)
    player = graph.start(
        "dfs_ros.bag_player", "-p", f"bag:={bag}", "-p", "wait_for_subscribers:=30.0",
        "-p", f"wait_for_topics:=[{', '.join(topics)}]",
    )  # fmt: skip
    graph.wait(lambda: not player.is_running, "end of the player")
    wait_until_written(graph, FRAMES + 1)
    assert not output.exists()
    code = recorder.stop(number)
    assert code == 0, recorder.output
    with open_bag(bag) as source, open_bag(output) as copy:
        assert copy.storage == "mcap"
        assert copy.damage is None
        assert {topic.name: topic.latched for topic in copy.topics} == {topics[0]: False, topics[1]: True}
        for topic in topics:
            assert [bytes(entry.data) for entry in copy.records([topic])] == [
                padded(bytes(entry.data)) for entry in source.records([topic])
            ]
    assert f"{FRAMES + 1} messages" in recorder.output


def test_the_bag_is_a_valid_indexed_mcap_with_schemas(graph: Any, tmp_path: Path) -> None:
    reading = pytest.importorskip("mcap.reader", reason="needs the package mcap, Foxglove's own reader")
    from std_msgs.msg import String

    publisher = graph.node.create_publisher(String, "/words", 10)
    recorder = record(graph, tmp_path / "words.mcap", "/words")
    graph.wait(lambda: is_heard(graph, "/words") and publisher.get_subscription_count(), "the recorder")
    publisher.publish(String(data="hello"))
    wait_until_written(graph, 1)
    recorder.stop()
    with (tmp_path / "words.mcap").open("rb") as file:
        reader = reading.make_reader(file, validate_crcs=True)
        ((schema, channel, _),) = reader.iter_messages()
        assert (channel.topic, channel.message_encoding) == ("/words", "cdr")
        assert (schema.name, schema.encoding) == ("std_msgs/msg/String", "ros2msg")
        assert b"string data" in schema.data
        assert {chunk.compression for chunk in reader.get_summary().chunk_indexes} == {"zstd"}


def test_a_recorder_that_is_killed_leaves_all_but_the_last_second(graph: Any, tmp_path: Path) -> None:
    from std_msgs.msg import String

    publisher = graph.node.create_publisher(String, "/words", 100)
    recorder = record(graph, tmp_path / "words", "/words")
    graph.wait(lambda: is_heard(graph, "/words") and publisher.get_subscription_count(), "the recorder")

    def readable() -> int:
        file = next(tmp_path.glob(".words.partial-*/words/words.mcap"), tmp_path / "not yet")
        try:
            with open_bag(file) as bag:
                return bag.count
        except BagError:  # nothing is in it yet
            return 0

    for number in range(50):
        publisher.publish(String(data=f"word {number}"))
    graph.wait(lambda: readable() == 50, "all that was sent is on the disk")
    publisher.publish(String(data="perhaps too late"))
    recorder.kill()
    (file,) = tmp_path.glob(".words.partial-*/words/words.mcap")
    assert str(file.parent) in recorder.output
    with open_bag(file) as bag:
        assert "cut off" in str(bag.damage)
        records = bag.records()
        words = [bytes(next(records).data)[8:].rstrip(b"\0").decode() for _ in range(50)]
    assert words == [f"word {number}" for number in range(50)]


def test_it_records_before_the_first_clock_and_says_which_stamps_that_makes(graph: Any, tmp_path: Path) -> None:
    from std_msgs.msg import String

    publisher = graph.node.create_publisher(String, "/words", 10)
    recorder = graph.start(
        "dfs_ros.recorder", "-p", f"output:={tmp_path / 'words'}", "-p", "topics:=[/words]", "-p", "use_sim_time:=true"
    )
    graph.wait(publisher.get_subscription_count, "the recorder")
    publisher.publish(String(data="hello"))
    wait_until_written(graph, 1)
    assert recorder.stop() == 0
    assert "no /clock has come: what is recorded is stamped 0" in recorder.output
    with open_bag(tmp_path / "words") as bag:
        assert [record.stamp_ns for record in bag.records()] == [0]


def test_messages_that_are_lost_on_the_way_are_counted(graph: Any, tmp_path: Path) -> None:
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from std_msgs.msg import String, UInt64

    quality = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
    publisher = graph.node.create_publisher(String, "/words", quality)
    written, lost = (graph.listen(UInt64, f"/recorder/{name}", latched=True) for name in ("count", "lost"))
    recorder = record(graph, tmp_path / "words", "/words")
    graph.wait(lambda: is_heard(graph, "/words") and publisher.get_subscription_count(), "the recorder")
    sent = 0

    def send() -> None:
        nonlocal sent
        publisher.publish(String(data="word"))
        sent += 1

    def first_is_written() -> bool:
        send()
        return bool(written)

    graph.wait(first_is_written, "a first message")
    recorder.send(signal.SIGSTOP)
    for _ in range(3000):  # more than any queue holds
        send()
    recorder.send(signal.SIGCONT)

    def all_is_accounted_for() -> bool:
        send()  # a gap shows when the next message comes
        return bool(lost) and 3000 <= written[-1].data + lost[-1].data <= sent

    graph.wait(all_is_accounted_for, "all messages are written or counted as lost")
    recorder.stop()
    assert "messages were lost" in recorder.output  # said after it is published
    assert re.search(r"[1-9]\d* lost$", recorder.output.strip())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name what to record and where"),
        (("-p", "topics:=[/words]", "-p", "output:={folder}"), "exists already"),
    ],
)
def test_what_cannot_be_recorded_ends_with_words_and_exit_code_1(
    graph: Any, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    recorder = graph.start("dfs_ros.recorder", *(word.format(folder=tmp_path) for word in arguments))
    graph.wait(lambda: not recorder.is_running, "end of the recorder")
    assert recorder.stop() == 1
    assert words in recorder.output
