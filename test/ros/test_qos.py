"""What is said, over real DDS, of publishers and subscriptions that do not match; and how parameters cure it."""

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from dfs_ros import qos

Start = Callable[..., Any]
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def logged(graph: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that warnings of the test's own node are appended to."""
    lines: list[str] = []

    class Logger:
        warning = staticmethod(lines.append)

    monkeypatch.setattr(graph.node, "get_logger", Logger)
    return lines


def test_a_camera_that_is_only_best_effort_is_named_with_the_cure_where_reliable_is_asked_for(start: Start) -> None:
    parameter = "qos_overrides./image_raw.subscription.reliability"
    node = start("-p", f"{parameter}:=reliable")
    graph = node.graph
    graph.node.create_publisher(Image, "/image_raw", BEST_EFFORT)
    graph.node.destroy_publisher(node.camera)
    graph.listen(Image, "/dehaze_node/image_dehazed")
    words = f"set the parameter {parameter} to best_effort here, or reliability to reliable there"
    graph.wait(lambda: words in node.process.output, "the log names the cure")
    assert "/image_raw: nothing comes from a publisher" in node.process.output
    graph.wait(lambda: words in node.status.message, "the diagnostics name the cure")


def test_a_subscription_that_asks_for_more_is_named_with_the_cure_which_cures(start: Start) -> None:
    parameter = "qos_overrides./dehaze_node/image_dehazed.publisher.durability"
    node = start()
    node.wait_until_active()
    answers = node.graph.listen(Image, "/dehaze_node/image_dehazed", latched=True)
    words = f"set the parameter {parameter} to transient_local here, or durability to volatile there"
    node.graph.wait(lambda: words in node.process.output, "the log names the cure")
    node.process.stop()

    cured = start("-p", f"{parameter}:=transient_local")
    cured.ask(cured.image(), answers)


def test_what_is_subscribed_to_hears_every_publisher(graph: Any) -> None:
    heard: list[Any] = []
    qos.subscribe(graph.node, Image, "/camera", heard.append)
    for offer in (BEST_EFFORT, LATCHED, QoSProfile(depth=1)):
        publisher = graph.node.create_publisher(Image, "/camera", offer)
        graph.send_until(publisher, Image(), lambda: heard, "an image")
        graph.node.destroy_publisher(publisher)
        heard.clear()


def test_what_differs_in_a_policy_without_a_parameter_is_named_all_the_same(graph: Any, logged: list[str]) -> None:
    qos.advertise(graph.node, Image, "/frames")
    hasty = QoSProfile(depth=1, deadline=Duration(seconds=1))
    graph.node.create_subscription(Image, "/frames", lambda _: None, hasty)
    graph.wait(lambda: logged, "a warning")
    assert "/frames: the other side differs in deadline" in logged[0]
    assert "`ros2 topic info -v /frames`" in logged[0]


def test_subscriptions_that_come_and_go_are_told_of(graph: Any) -> None:
    told: list[int] = []
    publisher = qos.advertise(
        graph.node, Image, "/frames", on_matched=lambda: told.append(publisher.get_subscription_count())
    )
    subscription = graph.node.create_subscription(Image, "/frames", lambda _: None, 1)
    graph.wait(lambda: told == [1], "the subscription is told of")
    graph.node.destroy_subscription(subscription)
    graph.wait(lambda: told == [1, 0], "its end is told of")


def test_matching_endpoints_are_not_complained_of(graph: Any, logged: list[str]) -> None:
    heard: list[Any] = []
    publisher = qos.advertise(graph.node, Image, "/frames", is_latched=True)
    subscription = qos.subscribe(graph.node, Image, "/frames", heard.append)
    graph.send_until(publisher, Image(), lambda: heard, "an image")
    assert qos.subscription_mismatch(graph.node, "/frames", subscription.qos_profile) == ""
    assert qos.publisher_mismatch(graph.node, "/frames", LATCHED) == ""
    assert logged == []
