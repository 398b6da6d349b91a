"""The processes around a node under test: a camera, a sink that counts, a driver in lock step, and bare relays."""

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer

from dfs_ros import middleware

app = typer.Typer(add_completion=False)

Topic = Annotated[str, typer.Argument()]
Default = Annotated[bool, typer.Option("--default", help="leave the middleware as it comes")]


def _join(name: str, *, default: bool) -> Any:
    """Return a node, with the middleware prepared as ours are, or as it comes."""
    if not default:
        middleware.prepare()
    import rclpy

    rclpy.init()
    return rclpy.create_node(name)


def _image(height: int, width: int) -> Any:
    from sensor_msgs.msg import Image
    from std_msgs.msg import Header

    from dfs_ros.image_message import from_array

    rows = np.linspace(60, 220, height, dtype=np.float32)[:, None, None]
    noise = np.random.default_rng(0).normal(0, 8, (height, width, 3)).astype(np.float32)
    return from_array((rows + noise).clip(0, 255).astype(np.uint8), Header(frame_id="camera"), "bgr8", Image)


@app.command()
def camera(topic: Topic, height: int, width: int, rate: float) -> None:
    """Offer frames at a steady rate, or as fast as it goes where that is slower, until ended."""
    node = _join("camera", default=False)
    import rclpy

    message = _image(height, width)
    publisher = node.create_publisher(type(message), topic, 1)
    due = time.monotonic()
    while rclpy.ok():
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
        due = max(due + 1 / rate, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


@app.command()
def sink(topics: list[str], report: Path, seconds: float) -> None:
    """Count what comes on each topic for some seconds after the first ten on each, and write frames per second."""
    node = _join("sink", default=False)
    import rclpy
    from sensor_msgs.msg import Image

    times: dict[str, list[float]] = {topic: [] for topic in topics}
    for topic, own in times.items():
        node.create_subscription(Image, topic, lambda _, own=own: own.append(time.monotonic()), 1)
    while min(map(len, times.values())) < 10:
        rclpy.spin_once(node)
    begin = time.monotonic()
    while time.monotonic() < begin + seconds:
        rclpy.spin_once(node, timeout_sec=0.1)
    counted = {topic: [moment for moment in own if moment >= begin] for topic, own in times.items()}
    rates = {topic: (len(own) - 1) / (own[-1] - own[0]) if len(own) > 1 else 0.0 for topic, own in counted.items()}
    report.write_text(json.dumps(rates))


@app.command()
def driver(topic: Topic, answers: list[str], height: int, width: int, frames: int, default: Default = False) -> None:
    """Send the next frame when the one before is answered on every topic; after a second without, send it again."""
    node = _join("driver", default=default)
    import rclpy

    message = _image(height, width)
    publisher = node.create_publisher(type(message), topic, 1)
    heard: dict[str, Any] = {}
    for answer in answers:
        node.create_subscription(type(message), answer, lambda m, own=answer: heard.update({own: m.header.stamp}), 1)
    for _ in range(frames):
        message.header.stamp = node.get_clock().now().to_msg()
        while any(heard.get(answer) != message.header.stamp for answer in answers):
            publisher.publish(message)
            again = time.monotonic() + 1.0
            while time.monotonic() < again and any(heard.get(answer) != message.header.stamp for answer in answers):
                rclpy.spin_once(node, timeout_sec=0.1)


@app.command()
def surround(cameras: list[str], height: int, width: int, rate: float, rounds: int) -> None:
    """Send a frame of every camera at once, at a steady rate or when all are answered where that is later."""
    node = _join("surround", default=False)
    import rclpy

    message = _image(height, width)
    publishers = [node.create_publisher(type(message), f"/{camera}/image_raw", 1) for camera in cameras]
    answers = [f"/dehaze_node/{camera}/{name}" for camera in cameras for name in ("image_dehazed", "segmentation/mask")]
    heard: dict[str, Any] = {}
    for answer in answers:
        node.create_subscription(type(message), answer, lambda m, own=answer: heard.update({own: m.header.stamp}), 1)
    while any(publisher.get_subscription_count() == 0 for publisher in publishers):
        rclpy.spin_once(node, timeout_sec=0.1)
    due = time.monotonic()
    for _ in range(rounds):
        message.header.stamp = node.get_clock().now().to_msg()
        for publisher in publishers:
            publisher.publish(message)
        again = time.monotonic() + 5.0  # best effort may lose one
        while time.monotonic() < again and any(heard.get(answer) != message.header.stamp for answer in answers):
            rclpy.spin_once(node, timeout_sec=0.1)
        due = max(due + 1 / rate, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


@app.command()
def model(report: Path, model_file: str, backend: str, count: int, height: int, width: int, calls: int) -> None:
    """Call the model alone with so many frames at once, and write how many milliseconds a call takes at the median."""
    from dfs_core.runtime import load

    frame = np.frombuffer(_image(height, width).data, np.uint8).reshape(height, width, 3)
    took = []
    with load(model_file or None, backend) as dehazer:
        dehazer.warm_up(height, width, batch=count)
        for _ in range(calls):
            begin = time.perf_counter()
            dehazer([frame] * count)
            took.append(time.perf_counter() - begin)
    report.write_text(json.dumps({"ms": 1e3 * median(took)}))


@app.command()
def relay(topic: Topic, image_topic: str, mask_topic: str, report: Path, frames: int, default: Default = False) -> None:
    """Publish every image again, with a mask of its size, and write how many milliseconds that takes at the median.

    By default it is the floor: the same middleware settings as the node, and no copy. With --default it is what a first
    try in Python does: middleware as it comes, data through `tobytes`.
    """
    node = _join("relay", default=default)
    import rclpy
    from rclpy.qos import QoSProfile, qos_profile_sensor_data
    from sensor_msgs.msg import Image

    image_publisher, mask_publisher = (node.create_publisher(Image, name, 1) for name in (image_topic, mask_topic))
    mask = Image(encoding="mono8")
    took: list[float] = []

    def again(message: Any, info: dict[str, int]) -> None:
        begin = time.perf_counter()
        take = (time.time_ns() - info["received_timestamp"]) / 1e9
        mask.header, mask.height, mask.width, mask.step = message.header, message.height, message.width, message.width
        if default:
            message.data = np.frombuffer(message.data, np.uint8).tobytes()
            mask.data = np.zeros(message.height * message.width, np.uint8).tobytes()
        elif len(mask.data) != message.height * message.width:
            mask.data.frombytes(bytes(message.height * message.width))
        image_publisher.publish(message)
        mask_publisher.publish(mask)
        took.append(take + time.perf_counter() - begin)

    node.create_subscription(Image, topic, again, QoSProfile(depth=10) if default else qos_profile_sensor_data)
    while rclpy.ok():  # the driver may send a frame again, so it is the driver that ends
        rclpy.spin_once(node, timeout_sec=0.1)
        if len(took) >= frames and not report.exists():
            report.write_text(json.dumps({"ms": 1e3 * median(took)}))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    app()
