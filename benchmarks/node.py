"""Time the dehaze node over real DDS: frames per second end to end, and what the node adds to the model, step by step.

    python benchmarks/node.py [--json FILE]

Frames per second: a camera process offers bgr8 frames at 60 Hz, a sink process counts the dehazed images and masks that
come out. Overhead: a driver sends one 1920x1080 frame at a time; the node itself times each step of it. The floor is a
process that takes and publishes the same messages and does nothing else; the default relay does so with the middleware
as it comes and copies through `tobytes`. Each is measured several times, in turn, and the median counts: a machine's
memory is not as fast in every minute. Surround view: four 640x360 cameras at 10 Hz in one node, what a round of four
frames takes its worker, reading and publishing included, against one call of the model with four frames and nothing
else, timed before and after.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dfs_ros import middleware  # noqa: E402 - found from here even where it is not installed
from dfs_ros.domain import free_domain  # noqa: E402
from dfs_ros.statistics import STEPS  # noqa: E402

CAMERA_TOPIC = "/image_raw"
ANSWERS = ("/dehaze_node/image_dehazed", "/dehaze_node/segmentation/mask")
TARGETS = {"fps_960x540": 15.0, "fps_1920x1080": 10.0}
RATIOS = {"floor": 1.25, "default relay": 0.5}
"""What the overhead may be at most, over each of the relays."""
START_SECONDS = 120.0


@contextmanager
def process(arguments: Sequence[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python process while the block lasts."""
    child = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


class Bench:
    """Starts nodes and their surroundings, each measurement on the same private domain."""

    def __init__(self, stack: ExitStack, *, model: str, backend: str) -> None:
        """Take a domain and a folder; `stack` removes the folder at the end."""
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self._model, self._backend = model, backend
        bare = {name: value for name, value in os.environ.items() if name not in middleware.PROFILE_VARIABLES}
        self._environment = bare | {
            "ROS_DOMAIN_ID": str(free_domain()),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_LOG_DIR": str(self._folder),
        }

    def frames_per_second(self, height: int, width: int, seconds: float) -> dict[str, float]:
        """Return the rate of each answer while a camera offers more than is served."""
        report = self._folder / "rates.json"
        with self._node(), self._role("camera", CAMERA_TOPIC, height, width, 60.0):
            self._finish("sink", *ANSWERS, report, seconds)
        rates: dict[str, float] = json.loads(report.read_text())
        return rates

    def steps(self, height: int, width: int, frames: int) -> dict[str, float]:
        """Return how many milliseconds a frame spends in each step of the node, at the median, one frame at a time."""
        with self._node(), _Diagnostics(self._environment) as diagnostics:
            self._finish("driver", CAMERA_TOPIC, *ANSWERS, height, width, frames)
            figures = diagnostics.wait_for(lambda figures: int(figures["frames out"]) >= frames)
        return {step: float(figures[f"{step} p50 ms"]) for step in STEPS}

    def relay_ms(self, height: int, width: int, frames: int, *, default: bool) -> float:
        """Return how many milliseconds taking and publishing the same messages takes, at the median."""
        report = self._folder / "relay.json"
        report.unlink(missing_ok=True)
        settings = ["--default"] if default else []
        with self._role("relay", CAMERA_TOPIC, *ANSWERS, report, frames, *settings):
            self._finish("driver", CAMERA_TOPIC, *ANSWERS, height, width, frames + 1, *settings)
        milliseconds: float = json.loads(report.read_text())["ms"]
        return milliseconds

    def surround(self, cameras: Sequence[str], height: int, width: int, rounds: int) -> dict[str, float]:
        """Return milliseconds of a round of frames, of the model's call in it, and of such a call by itself."""
        before = self._call_ms(len(cameras), height, width, rounds)
        with self._node(f"cameras:=[{', '.join(cameras)}]"), _Diagnostics(self._environment) as diagnostics:
            self._finish("surround", *cameras, height, width, 10.0, rounds)
            figures = diagnostics.wait_for(lambda _: True, status="model")
        alone_ms = min(before, self._call_ms(len(cameras), height, width, rounds))
        round_ms, call_ms = float(figures["round p50 ms"]), float(figures["call p50 ms"])
        return {
            "round_ms": round_ms,
            "call_ms": call_ms,
            "call_alone_ms": alone_ms,
            "batch_mean": float(figures["batch mean"]),
            "ratio": round_ms / alone_ms,
            "ratio_in_node": round_ms / call_ms,
        }

    def _call_ms(self, count: int, height: int, width: int, calls: int) -> float:
        report = self._folder / "call.json"
        self._finish("model", "--", report, self._model, self._backend, count, height, width, calls)
        milliseconds: float = json.loads(report.read_text())["ms"]
        return milliseconds

    def _node(self, *more: str) -> Any:
        parameters = [f"backend:={self._backend}", "gate_attenuation:=0.0", *more]
        if self._model:
            parameters.append(f"model:={self._model}")  # an empty one cannot be said on the command line
        words = [word for parameter in parameters for word in ("-p", parameter)]
        return process(["-m", "dfs_ros.dehaze_node", "--ros-args", "--log-level", "warn", *words], self._environment)

    def _role(self, *words: object) -> Any:
        return process([str(ROOT / "benchmarks" / "node_roles.py"), *map(str, words)], self._environment)

    def _finish(self, *words: object) -> None:
        """Run a role to its end."""
        with self._role(*words) as child:
            if (code := child.wait(150)) != 0:
                raise SystemExit(f"{words[0]} ended with code {code}; its message stands above")


class _Diagnostics:
    """Hears what the node says of itself."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._figures: dict[str, str] = {}
        self._status = ""

    def __enter__(self) -> "_Diagnostics":
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray

        os.environ.update(self._environment)
        middleware.prepare()
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = rclpy.create_node("bench", context=self._context)
        self._executor = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self._context.try_shutdown()

    def wait_for(self, condition: Any, *, status: str = "dehazing") -> dict[str, str]:
        """Return the first figures of a status from now on for which a condition holds."""
        self._status = status
        self._figures = {}
        deadline = time.monotonic() + START_SECONDS
        while not (self._figures and condition(self._figures)):
            if time.monotonic() > deadline:
                raise SystemExit(f"no such diagnostics within {START_SECONDS:.0f} s; the newest: {self._figures}")
            self._executor.spin_once(timeout_sec=0.2)
        return self._figures

    def _hear(self, message: Any) -> None:
        for status in message.status:
            if status.name.endswith(f": {self._status}"):
                self._figures = {entry.key: entry.value for entry in status.values}


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
    model: Annotated[str, typer.Option(help="model file; empty: the one that ships")] = "",
    backend: Annotated[str, typer.Option(help="what runs the model")] = "auto",
    frames: Annotated[int, typer.Option(help="frames per overhead measurement", min=20)] = 150,
    repeats: Annotated[int, typer.Option(help="how often each overhead is measured", min=1)] = 3,
    seconds: Annotated[float, typer.Option(help="how long frames are counted", min=2.0)] = 15.0,
) -> None:
    """Measure, print a table, and write the figures if asked to."""
    with ExitStack() as stack:
        bench = Bench(stack, model=model, backend=backend)
        rounds = [
            (
                bench.steps(1080, 1920, frames),
                bench.relay_ms(1080, 1920, frames, default=False),
                bench.relay_ms(1080, 1920, min(frames, 60), default=True),
            )
            for _ in range(repeats)
        ]
        surround = bench.surround(("front", "left", "right", "rear"), 360, 640, min(frames, 100))
        rates = {
            f"fps_{width}x{height}": bench.frames_per_second(height, width, seconds)
            for height, width in ((540, 960), (1080, 1920))
        }
    all_steps, floors_ms, default_relays_ms = zip(*rounds, strict=True)
    steps = {step: median(steps[step] for steps in all_steps) for step in STEPS}
    figures = {
        "overhead_ms": median(sum(steps.values()) - steps["model"] for steps in all_steps),
        "floor_ms": median(floors_ms),
        "default_relay_ms": median(default_relays_ms),
        **{name: min(rate.values()) for name, rate in rates.items()},
        "steps": steps,
        "surround_4x640x360": surround,
    }
    _print(figures)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


def _print(figures: dict[str, Any]) -> None:
    table = Table("figure", "value", "target", title="dehaze node over DDS; overhead per 1920x1080 bgr8 frame")
    for name, value in figures.items():
        if not isinstance(value, dict):
            table.add_row(name, f"{value:.1f}", f"at least {TARGETS[name]:g}" if name in TARGETS else "")
    for relay, bound in RATIOS.items():
        ratio = figures["overhead_ms"] / figures[f"{relay.replace(' ', '_')}_ms"]
        table.add_row(f"overhead / {relay}", f"{ratio:.2f}", f"at most {bound:g}")
    for step, value in figures["steps"].items():
        table.add_row(f"  {step}, ms", f"{value:.2f}", "")
    table.add_row("four cameras of 640x360, one node", "", "")
    for name, value in figures["surround_4x640x360"].items():
        table.add_row(f"  {name}", f"{value:.2f}", "at most 1.25" if name == "ratio" else "")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
