"""Offer a dehaze node twice what it can serve, for long: it must neither grow, nor lag, nor mix up frames.

    python benchmarks/soak.py [--minutes 30] [--json FILE]

Two cameras of different sizes share one node. First each sends its next frame when the one before is answered, which
tells what the node can serve; from then on they offer twice that. The exit code is 1 if a bound is broken.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from node import START_SECONDS, process
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dfs_ros import middleware
from dfs_ros.domain import free_domain
from dfs_ros.image_message import from_array

CAMERAS = {"front": (360, 640), "rear": (270, 480)}
"""Height and width of each camera's frames."""

NAMESPACE = "/soak"
"""Of node and cameras, so that nobody who comes to the same domain in so long a time calls the node by mistake."""

OVERLOAD = 2.0
PROBE_SECONDS = 8.0
LAST_ANSWERS_SECONDS = 2.0
SILENCE_SECONDS = 60.0

MEMORY_MB_PER_MINUTE = 1.0
LATENCY_GROWTH = 1.5
"""Latency late in the run over latency early in it; a queue that grows would make it dozens."""


@dataclass
class Ledger:
    """What one camera sent, and what became of it. Stamps are in nanoseconds.

    Attributes:
        latencies: seconds from sending to the answer, since they were looked at last.
        unknown: answers to frames that were never sent.
        repeated: answers to frames that had one.
        disordered: answers to frames older than the newest that was answered.
    """

    sent: dict[int, float] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    latencies: deque[float] = field(default_factory=deque)
    unknown: int = 0
    repeated: int = 0
    disordered: int = 0
    newest: int = -1

    def answer_came(self, stamp: int) -> None:
        """Judge an answer."""
        if stamp not in self.sent:
            self.unknown += 1
            return
        self.repeated += stamp in self.answered
        self.disordered += stamp < self.newest
        self.answered.add(stamp)
        self.newest = max(self.newest, stamp)
        self.latencies.append(time.monotonic() - self.sent[stamp])


class Camera:
    """Sends one camera's frames and keeps the ledgers of the two answers to each."""

    def __init__(self, node: Any, name: str, height: int, width: int) -> None:
        """Offer the camera's topic and listen to the node's answers."""
        from sensor_msgs.msg import Image
        from std_msgs.msg import Header

        pixels = np.random.default_rng(0).integers(120, 220, (height, width, 3), np.uint8)
        self._message = from_array(pixels, Header(frame_id=name), "bgr8", Image)
        self._node = node
        self._publisher = node.create_publisher(Image, f"{NAMESPACE}/{name}/image_raw", 1)
        self.ledgers = {"image_dehazed": Ledger(), "segmentation/mask": Ledger()}
        self._heard = dict.fromkeys(self.ledgers, -1)
        self._due = self._sent_at = self.heard_at = 0.0
        for answer in self.ledgers:
            node.create_subscription(
                Image,
                f"{NAMESPACE}/dehaze_node/{name}/{answer}",
                lambda message, answer=answer: self._came(answer, message),
                10,
            )

    @property
    def served(self) -> int:
        """How many frames have been answered."""
        return len(self.ledgers["image_dehazed"].answered)

    @property
    def offered(self) -> int:
        """How many frames were sent."""
        return len(self.ledgers["image_dehazed"].sent)

    def send(self) -> None:
        """Send a frame with the time of now."""
        now = self._node.get_clock().now()
        self._message.header.stamp = now.to_msg()
        self._sent_at = time.monotonic()
        for ledger in self.ledgers.values():
            ledger.sent[now.nanoseconds] = self._sent_at
        self._publisher.publish(self._message)

    def send_when_answered(self) -> None:
        """Send the next frame if the one before is answered, or after a second without."""
        stamp = self._message.header.stamp
        last = stamp.sec * 10**9 + stamp.nanosec
        if all(heard >= last for heard in self._heard.values()) or time.monotonic() > self._sent_at + 1.0:
            self.send()

    def send_at(self, rate: float) -> None:
        """Send a frame if one is due; those that were missed are not made up for."""
        now = time.monotonic()
        if now >= self._due:
            self._due = max(self._due + 1.0 / rate, now)
            self.send()

    def _came(self, answer: str, message: Any) -> None:
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        self._heard[answer], self.heard_at = stamp, time.monotonic()
        self.ledgers[answer].answer_came(stamp)


class Soak:
    """The cameras, the node's diagnostics, and the loop that serves them."""

    def __init__(self, stack: ExitStack) -> None:
        """Join the domain of this process' environment."""
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray

        rclpy.init()
        stack.callback(rclpy.try_shutdown)
        node = rclpy.create_node("soak")
        self._executor = rclpy.executors.SingleThreadedExecutor()
        self._executor.add_node(node)
        self.cameras = [Camera(node, name, *size) for name, size in CAMERAS.items()]
        self.figures: dict[str, dict[str, str]] = {}
        node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 1)

    def run(self, seconds: float, send: Callable[[Camera], None]) -> None:
        """Let cameras send, and hear answers, for some time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for camera in self.cameras:
                send(camera)
            self._executor.spin_once(timeout_sec=0.002)

    def wait_for_answers(self) -> None:
        """Return once every camera was answered ten times."""
        deadline = time.monotonic() + START_SECONDS
        while any(camera.served < 10 for camera in self.cameras):
            if time.monotonic() > deadline:
                raise SystemExit(f"the node did not answer within {START_SECONDS:.0f} s")
            self.run(0.1, Camera.send_when_answered)

    @property
    def silence(self) -> float:
        """How many seconds ago the newest answer came."""
        return time.monotonic() - max(camera.heard_at for camera in self.cameras)

    def count(self, figure: str) -> int:
        """Return a number from the diagnostics, summed over the cameras."""
        return sum(int(values.get(figure, 0)) for values in self.figures.values())

    def _hear(self, message: Any) -> None:
        self.figures = {status.name: {one.key: one.value for one in status.values} for status in message.status}


def memory_mb(pid: int) -> float:
    """Return what a process holds in memory, shared segments included."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def slope(times: list[float], values: list[float]) -> float:
    """Return the median slope between all pairs of points (Theil and Sen), which no single jump moves."""
    pairs = [(i, j) for i in range(len(times)) for j in range(i + 1, len(times))]
    return statistics.median((values[j] - values[i]) / (times[j] - times[i]) for i, j in pairs) if pairs else 0.0


def soak(stack: ExitStack, *, minutes: float, window: float, model: str, backend: str) -> dict[str, Any]:
    """Run the node under load and return all figures."""
    parameters = [f"cameras:=[{', '.join(CAMERAS)}]", f"backend:={backend}", "gate_attenuation:=0.0"]
    parameters += [f"model:={model}"] if model else []
    words = [word for parameter in parameters for word in ("-p", parameter)]
    arguments = ["-m", "dfs_ros.dehaze_node", "--ros-args", "--log-level", "warn", "-r", f"__ns:={NAMESPACE}", *words]
    child = stack.enter_context(process(arguments, dict(os.environ)))
    run = Soak(stack)
    run.wait_for_answers()
    before = run.cameras[0].served, run.cameras[1].served
    run.run(PROBE_SECONDS, Camera.send_when_answered)
    rates = [(camera.served - start) / PROBE_SECONDS for camera, start in zip(run.cameras, before, strict=True)]
    rate = OVERLOAD * sum(rates) / len(rates)

    begin = time.monotonic()
    offered, served = (sum(getattr(camera, what) for camera in run.cameras) for what in ("offered", "served"))
    rows: dict[str, list[float]] = defaultdict(list)
    while time.monotonic() < begin + 60.0 * minutes:
        for camera in run.cameras:
            for ledger in camera.ledgers.values():
                ledger.latencies.clear()
        run.run(window, lambda camera: camera.send_at(rate))
        if child.poll() is not None:
            raise SystemExit(f"the node ended with exit code {child.returncode}")
        if run.silence > SILENCE_SECONDS:
            raise SystemExit(f"no answer for {run.silence:.0f} s; the newest diagnostics: {run.figures}")
        rows["minutes"].append((time.monotonic() - begin) / 60.0)
        rows["memory_mb"].append(memory_mb(child.pid))
        late = [value for camera in run.cameras for ledger in camera.ledgers.values() for value in ledger.latencies]
        rows["latency_p95_ms"].append(1e3 * float(np.percentile(late, 95)) if late else float("inf"))
    seconds = time.monotonic() - begin
    run.run(LAST_ANSWERS_SECONDS, lambda _: None)
    ledgers = [ledger for camera in run.cameras for ledger in camera.ledgers.values()]
    skipped = sum(minute < min(2.0, minutes / 4.0) for minute in rows["minutes"])
    warm = {name: values[skipped:] for name, values in rows.items()}
    third = max(1, len(warm["minutes"]) // 3)
    early, late = (
        statistics.median(part) for part in (warm["latency_p95_ms"][:third], warm["latency_p95_ms"][-third:])
    )
    return {
        "minutes": seconds / 60.0,
        "can_serve_fps": sum(rates),
        "offered_fps": (sum(camera.offered for camera in run.cameras) - offered) / seconds,
        "served_fps": (sum(camera.served for camera in run.cameras) - served) / seconds,
        "superseded": run.count("superseded"),
        "memory_mb": warm["memory_mb"][-1],
        "memory_mb_per_minute": slope(warm["minutes"], warm["memory_mb"]),
        "latency_p95_ms_early": early,
        "latency_p95_ms_late": late,
        "latency_growth": late / early,
        "unknown_stamps": sum(ledger.unknown for ledger in ledgers),
        "repeated_stamps": sum(ledger.repeated for ledger in ledgers),
        "disordered_stamps": sum(ledger.disordered for ledger in ledgers),
        "failed": run.count("failed"),
        "over_time": rows,
    }


BOUNDS: dict[str, float] = {
    "memory_mb_per_minute": MEMORY_MB_PER_MINUTE,
    "latency_growth": LATENCY_GROWTH,
    "unknown_stamps": 0,
    "repeated_stamps": 0,
    "disordered_stamps": 0,
    "failed": 0,
}
"""The most that each figure may be."""


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
    minutes: Annotated[float, typer.Option(help="how long to offer frames", min=0.2)] = 30.0,
    window: Annotated[float, typer.Option(help="seconds between two looks at memory and latency", min=1.0)] = 10.0,
    model: Annotated[str, typer.Option(help="model file; empty: the one that ships")] = "",
    backend: Annotated[str, typer.Option(help="what runs the model")] = "auto",
) -> None:
    """Soak a node, print a table, and write the figures if asked to; exit with 1 if a bound is broken."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ.update(ROS_DOMAIN_ID=str(free_domain()), ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
        os.environ["ROS_LOG_DIR"] = folder
        middleware.prepare()
        figures = soak(stack, minutes=minutes, window=window, model=model, backend=backend)
    _print(figures)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")
    broken = [name for name, bound in BOUNDS.items() if not figures[name] <= bound]
    raise typer.Exit(1 if broken else 0)


def _print(figures: dict[str, Any]) -> None:
    title = f"dehaze node under {OVERLOAD:g} times the load it can serve"
    table = Table("figure", "value", "at most", title=title)
    for name, value in figures.items():
        if name == "over_time":
            continue
        bound = BOUNDS.get(name)
        mark = "" if bound is None or value <= bound else "  broken"
        table.add_row(name, f"{value:.2f}".removesuffix(".00"), "" if bound is None else f"{bound:g}{mark}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
