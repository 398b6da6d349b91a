"""The two processes of a transport measurement: one sends numbered 1920x1080 images, the other looks at each."""

import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

HEIGHT, WIDTH = 1080, 1920
VARIANTS = 4
QUIET_SECONDS = 3.0
START_SECONDS = 60.0

app = typer.Typer(add_completion=False)

Reliable = Annotated[bool, typer.Option("--reliable", help="reliable on both sides, else best effort")]
Default = Annotated[bool, typer.Option("--default", help="leave the middleware as it comes")]


def _join(name: str, *, default: bool) -> Any:
    """Return a node, with the middleware prepared as ours are, or as it comes."""
    if not default:
        from dfs_ros import middleware

        middleware.prepare()
    import rclpy

    rclpy.init()
    return rclpy.create_node(name)


def _quality(*, reliable: bool) -> Any:
    from rclpy.qos import QoSProfile, ReliabilityPolicy

    reliability = ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT
    return QoSProfile(depth=5, reliability=reliability)


def _frames() -> list[np.ndarray]:
    """Return frames of noise, the same in both processes; message n holds frame n modulo VARIANTS."""
    noise = np.random.default_rng(1)
    return [noise.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(VARIANTS)]


@app.command()
def send(
    topic: str, count: int, rate: float, report: Path, reliable: Reliable = False, default: Default = False
) -> None:
    """Wait for the other process, send `count` images at `rate` in Hz, and write how fast that really went."""
    node = _join("sender", default=default)
    import rclpy
    from rclpy.duration import Duration
    from sensor_msgs.msg import Image
    from std_msgs.msg import Header

    from dfs_ros.image_message import from_array

    messages = [from_array(frame, Header(), "bgr8", Image) for frame in _frames()]
    publisher = node.create_publisher(Image, topic, _quality(reliable=reliable))
    deadline = time.monotonic() + START_SECONDS
    while not publisher.get_subscription_count():
        if time.monotonic() > deadline:
            raise SystemExit(f"nobody subscribed to {topic} within {START_SECONDS:.0f} s")
        rclpy.spin_once(node, timeout_sec=0.05)
    begin = due = time.monotonic()
    for number in range(count):
        message = messages[number % VARIANTS]
        message.header.frame_id = str(number)
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(time.time_ns(), 1_000_000_000)
        publisher.publish(message)
        due += 1 / rate
        time.sleep(max(0.0, due - time.monotonic()))
    seconds = time.monotonic() - begin
    publisher.wait_for_all_acked(Duration(seconds=5))
    report.write_text(json.dumps({"sent": count, "rate_hz": count / seconds}))


@app.command()
def receive(topic: str, count: int, report: Path, reliable: Reliable = False, default: Default = False) -> None:
    """Look at what comes until the last image has, or none for a while, and write what was seen."""
    node = _join("receiver", default=default)
    import rclpy
    from sensor_msgs.msg import Image

    frames = [frame[..., ::-1].reshape(-1) for frame in _frames()]  # bgr8
    numbers: list[int] = []
    latencies_ms: list[float] = []
    corrupt = 0

    def look(message: Any) -> None:
        nonlocal corrupt
        stamp = message.header.stamp
        latencies_ms.append((time.time_ns() - stamp.sec * 1_000_000_000 - stamp.nanosec) / 1e6)
        number = int(message.header.frame_id)
        numbers.append(number)
        corrupt += not np.array_equal(np.frombuffer(message.data, np.uint8), frames[number % VARIANTS])

    node.create_subscription(Image, topic, look, _quality(reliable=reliable))
    deadline = time.monotonic() + START_SECONDS
    while not numbers or numbers[-1] < count - 1:
        seen = len(numbers)
        rclpy.spin_once(node, timeout_sec=0.1)
        if len(numbers) > seen:
            deadline = time.monotonic() + QUIET_SECONDS
        if time.monotonic() > deadline:
            break
    report.write_text(
        json.dumps(
            {
                "received": len(numbers),
                "out_of_order": sum(after <= before for before, after in pairwise(numbers)),
                "corrupt": corrupt,
                "latency_ms": {
                    f"p{share}": float(np.percentile(latencies_ms or [np.nan], share)) for share in (50, 95)
                },
            }
        )
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    app()
