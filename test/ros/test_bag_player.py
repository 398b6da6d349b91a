"""The player as a process, heard by a node of the test's over real DDS."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FRAMES = 12


def listen(graph: Any, kind: type, topic: str, **policies: Any) -> list[Any]:
    """Subscribe reliably, with room for all frames."""
    from rclpy.qos import QoSProfile

    messages: list[Any] = []
    graph.node.create_subscription(kind, topic, messages.append, QoSProfile(depth=1000, **policies))
    return messages


def play(graph: Any, bag: Path, *ros_args: str) -> Any:
    return graph.start("dfs_ros.bag_player", "-p", f"bag:={bag}", "-p", "wait_for_subscribers:=30.0", *ros_args)


def wait_for_end(graph: Any, player: Any) -> int:
    graph.wait(lambda: not player.is_running, "end of the player")
    return player.stop()


def ns(stamp: Any) -> int:
    return stamp.sec * 10**9 + stamp.nanosec


@pytest.mark.parametrize("kind", ["mcap", "sqlite3", "rosbag1"])
def test_every_message_arrives_once_in_order_and_unchanged(
    graph: Any, recordings: ModuleType, tmp_path: Path, kind: str
) -> None:
    from sensor_msgs.msg import CompressedImage

    bag = recordings.write(tmp_path / "road.bag", frames=FRAMES, storage=kind, reliable=True)
    images = listen(graph, CompressedImage, recordings.IMAGE_TOPIC)
    player = play(graph, bag)
    assert wait_for_end(graph, player) == 0
    graph.wait(lambda: len(images) == FRAMES, "all images")
    assert [ns(image.header.stamp) for image in images] == [recordings.stamp_ns(number) for number in range(FRAMES)]
    for number, image in enumerate(images):
        np.testing.assert_array_equal(np.frombuffer(image.data, np.uint8), recordings.jpeg(number))
    assert f"played {2 * FRAMES + 1} messages" in player.output
    assert f"{recordings.IMAGE_TOPIC} {FRAMES}" in player.output


def test_the_recorded_qos_is_offered_and_latched_topics_reach_those_who_come_late(
    graph: Any, recordings: ModuleType, tmp_path: Path
) -> None:
    from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
    from std_msgs.msg import String

    bag = recordings.write(tmp_path / "road", frames=FRAMES)
    play(graph, bag, "-p", "loop:=true", "-p", f"wait_for_topics:=[{recordings.NOTE_TOPIC}]")
    offers = {}
    for topic in (recordings.IMAGE_TOPIC, recordings.NOTE_TOPIC):
        found = graph.wait(lambda name=topic: graph.node.get_publishers_info_by_topic(name), f"publisher of {topic}")
        offers[topic] = (found[0].qos_profile.reliability, found[0].qos_profile.durability)
    assert offers == {
        recordings.IMAGE_TOPIC: (ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE),
        recordings.NOTE_TOPIC: (ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL),
    }
    first = graph.listen(String, recordings.NOTE_TOPIC)
    graph.wait(lambda: len(first) >= 1, "the note")
    late = graph.listen(String, recordings.NOTE_TOPIC, latched=True)
    graph.wait(lambda: late, "the note, once more")
    assert {message.data for message in first + late} == {"a note"}


def test_with_an_offset_latched_messages_from_before_it_are_still_sent(
    graph: Any, recordings: ModuleType, tmp_path: Path
) -> None:
    from sensor_msgs.msg import CompressedImage
    from std_msgs.msg import String

    bag = recordings.write(tmp_path / "road", frames=FRAMES, reliable=True)
    notes = graph.listen(String, recordings.NOTE_TOPIC, latched=True)
    images = listen(graph, CompressedImage, recordings.IMAGE_TOPIC)
    both = f"[{recordings.NOTE_TOPIC}, {recordings.IMAGE_TOPIC}]"
    player = play(graph, bag, "-p", "start_offset:=0.2", "-p", f"wait_for_topics:={both}")
    assert wait_for_end(graph, player) == 0
    graph.wait(lambda: notes and len(images) == FRAMES - 5, "the note and the images after 0.2 s")
    assert ns(images[0].header.stamp) == recordings.stamp_ns(5)


def test_topics_are_chosen_remapped_repeated_and_played_faster(
    graph: Any, recordings: ModuleType, tmp_path: Path
) -> None:
    from sensor_msgs.msg import CompressedImage

    bag = recordings.write(tmp_path / "road", frames=FRAMES, reliable=True)
    images = listen(graph, CompressedImage, "/front/jpeg")
    player = play(
        graph, bag, "-p", "loop:=true", "-p", "rate:=10", "-p", f"topics:=[{recordings.IMAGE_TOPIC}]",
        "-r", f"{recordings.IMAGE_TOPIC}:=/front/jpeg",
    )  # fmt: skip
    graph.wait(lambda: len(images) > 2 * FRAMES, "a third pass")
    assert not graph.node.get_publishers_info_by_topic(recordings.INFO_TOPIC)
    code = player.stop()
    assert code == 0
    stamps = [ns(image.header.stamp) for image in images[: 2 * FRAMES]]
    assert stamps == 2 * [recordings.stamp_ns(number) for number in range(FRAMES)]


def test_restamped_images_and_their_calibration_bear_one_time_of_now(
    graph: Any, recordings: ModuleType, tmp_path: Path
) -> None:
    from sensor_msgs.msg import CameraInfo, CompressedImage

    bag = recordings.write(tmp_path / "road", frames=FRAMES, reliable=True)
    before = graph.node.get_clock().now().nanoseconds
    images = listen(graph, CompressedImage, recordings.IMAGE_TOPIC)
    infos = listen(graph, CameraInfo, recordings.INFO_TOPIC)
    both = f"[{recordings.INFO_TOPIC}, {recordings.IMAGE_TOPIC}]"
    player = play(graph, bag, "-p", "restamp:=true", "-p", f"wait_for_topics:={both}")
    assert wait_for_end(graph, player) == 0
    graph.wait(lambda: len(images) == len(infos) == FRAMES, "all images and calibrations")
    stamps = [ns(image.header.stamp) for image in images]
    assert stamps == [ns(info.header.stamp) for info in infos]
    assert before < stamps[0]
    assert stamps == sorted(set(stamps))
    assert stamps[-1] < graph.node.get_clock().now().nanoseconds
    assert images[3].header.frame_id == "camera"
    np.testing.assert_array_equal(np.frombuffer(images[3].data, np.uint8), recordings.jpeg(3))


def test_the_clock_tells_the_time_of_the_recording(graph: Any, recordings: ModuleType, tmp_path: Path) -> None:
    from rosgraph_msgs.msg import Clock
    from sensor_msgs.msg import CameraInfo

    bag = recordings.write(tmp_path / "road", frames=FRAMES, reliable=True)
    clocks = listen(graph, Clock, "/clock")
    play(
        graph,
        bag,
        "-p",
        "clock:=true",
        "-p",
        "clock_rate:=100.0",
        "-p",
        "loop:=true",
        "-p",
        f"topics:=[{recordings.NOTE_TOPIC}, {recordings.INFO_TOPIC}]",
    )
    first, last = recordings.START_NS, recordings.stamp_ns(FRAMES - 1)

    def has_ended_twice() -> bool:
        return sum(ns(message.clock) == last for message in clocks) >= 2

    listen(graph, CameraInfo, recordings.INFO_TOPIC)
    graph.wait(has_ended_twice, "the end of the recording")
    times = [ns(message.clock) for message in clocks]
    times = times[times.index(last) + 1 :]
    times = times[: times.index(last) + 1]
    assert first <= times[0]
    assert times == sorted(times)
    between = set(times) - {recordings.stamp_ns(number) for number in range(FRAMES)}
    assert between  # how many depends on how busy the machine is


def test_a_bag_that_is_cut_off_is_played_as_far_as_it_goes(graph: Any, recordings: ModuleType, tmp_path: Path) -> None:
    from sensor_msgs.msg import CompressedImage

    bag = recordings.write(tmp_path / "road", frames=800, reliable=True)
    recordings.cut(recordings.storage_file(bag), 0.9)
    images = listen(graph, CompressedImage, recordings.IMAGE_TOPIC)
    player = play(graph, bag, "-p", "rate:=40.0")
    assert wait_for_end(graph, player) == 0
    assert "cut off or damaged" in player.output
    assert "messages could be read" in player.output
    assert images
    assert ns(images[0].header.stamp) == recordings.START_NS


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("bag:=/nowhere", "no such bag"),
        ("rate:=0.0", "parameter rate must be greater than 0"),
        ("start_offset:=99.0", "lasts 0.4 s"),
        ("topics:=[/other]", "has no topic /other"),
    ],
)
def test_what_cannot_be_played_ends_with_words_and_exit_code_1(
    graph: Any, recordings: ModuleType, tmp_path: Path, setting: str, words: str
) -> None:
    bag = recordings.write(tmp_path / "road", frames=FRAMES, reliable=True)
    player = graph.start("dfs_ros.bag_player", "-p", f"bag:={bag}", "-p", setting)
    assert wait_for_end(graph, player) == 1
    assert words in player.output
