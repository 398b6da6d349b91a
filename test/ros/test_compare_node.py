"""Pictures side by side: where each lies, and the node that joins those of one stamp."""

from typing import Any

import numpy as np
import pytest

from dfs_ros.side_by_side import side_by_side

RED, GREEN, BLUE = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def plain(color: tuple[int, int, int], height: int = 20, width: int = 30) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


PICTURES = {"input": plain(RED), "dehazed": plain(GREEN), "overlay": plain(BLUE, 40, 60)}


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("row", [[RED, GREEN, BLUE]]),
        ("column", [[RED], [GREEN], [BLUE]]),
        ("grid", [[RED, GREEN], [BLUE, (0, 0, 0)]]),
    ],
)
def test_pictures_of_any_size_lie_in_order_at_one_height(layout: str, expected: list[list[tuple[int, ...]]]) -> None:
    joined = side_by_side(PICTURES, height=20, layout=layout, with_labels=False)
    assert joined.tolist() == np.kron(np.array(expected), np.ones((20, 30, 1), int)).astype(np.uint8).tolist()


def test_a_label_is_written_into_the_corner_and_leaves_the_frame_as_it_was() -> None:
    frame = plain(RED, 180, 240)
    joined = side_by_side({"input": frame}, height=180, layout="row", with_labels=True)
    corner = joined[:10, :60]
    assert (corner == 0).all(axis=-1).any()
    assert (corner > 100).all(axis=-1).any()
    assert (joined[12:] == RED).all()
    assert (frame == RED).all()


def test_pictures_of_one_stamp_become_one_image_with_the_header_of_the_input(graph: Any) -> None:
    pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")
    from builtin_interfaces.msg import Time
    from sensor_msgs.msg import Image
    from std_msgs.msg import Header

    from dfs_ros.image_message import from_array, to_array

    process = graph.start("dfs_ros.compare_node", "-p", "height:=20", "-p", "labels:=false")
    answers = graph.listen(Image, "/compare_node/image")
    pictures = {"image_raw": RED, "image_dehazed": GREEN, "segmentation/overlay": BLUE}
    publishers = {topic: graph.node.create_publisher(Image, topic, 5) for topic in pictures}
    graph.wait(lambda: all(entry.get_subscription_count() for entry in publishers.values()), "the node listens")
    seconds = 0

    def is_answered() -> bool:
        nonlocal seconds
        seconds += 1
        for topic, color in pictures.items():
            header = Header(stamp=Time(sec=seconds), frame_id="front")
            publishers[topic].publish(from_array(plain(color), header, "bgr8", Image))
        # no partner has the stamp of this one
        lonely = Header(stamp=Time(sec=seconds, nanosec=5), frame_id="front")
        publishers["image_dehazed"].publish(from_array(plain(BLUE), lonely, "rgb8", Image))
        publishers["image_raw"].publish(Image(header=lonely, height=2, width=2, encoding="rgb8", step=1))
        return len(answers) > 1

    graph.wait(is_answered, "two comparisons")
    for answer in answers:
        assert (answer.header.frame_id, answer.header.stamp.nanosec) == ("front", 0)
        joined = to_array(answer)
        assert [tuple(joined[10, x]) for x in (15, 45, 75)] == [RED, GREEN, BLUE]
    stamps = [answer.header.stamp.sec for answer in answers]
    assert stamps == sorted(set(stamps))
    assert process.stop() == 0


def test_frames_that_wait_are_forgotten_when_nobody_looks(graph: Any) -> None:
    pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")
    from builtin_interfaces.msg import Time
    from sensor_msgs.msg import Image
    from std_msgs.msg import Header

    from dfs_ros.image_message import from_array

    process = graph.start("dfs_ros.compare_node", "-p", "height:=20", "-p", "labels:=false")
    topics = ("image_raw", "segmentation/overlay", "image_dehazed")
    publishers = {topic: graph.node.create_publisher(Image, topic, 5) for topic in topics}
    stamps: list[int] = []

    def is_heard() -> bool:
        return all(entry.get_subscription_count() for entry in publishers.values())

    def answered(second: int, chosen: tuple[str, ...] = topics) -> bool:
        for topic in chosen:
            publishers[topic].publish(from_array(plain(RED), Header(stamp=Time(sec=second)), "bgr8", Image))
        return second in stamps

    def look() -> Any:
        return graph.node.create_subscription(
            Image, "/compare_node/image", lambda message: stamps.append(message.header.stamp.sec), 10
        )

    looking = look()
    graph.wait(is_heard, "the node listens")
    graph.wait(lambda: answered(1), "a comparison")
    graph.node.destroy_subscription(looking)
    graph.wait(lambda: not any(entry.get_subscription_count() for entry in publishers.values()), "the node sleeps")
    stamps.clear()
    look()
    graph.wait(is_heard, "the node listens again")
    answered(1, ("image_dehazed",))  # whose counterparts came before it slept
    graph.wait(lambda: answered(2), "a comparison")
    assert set(stamps) == {2}
    assert process.stop() == 0
