"""Send 1920x1080 bgr8 images at 30 Hz from one process to another over DDS, and tell how many were lost and how late.

    python benchmarks/transport.py [--seconds 20] [--json FILE]

Best effort and reliable, each with the settings that DFS ships (config/fastdds.xml, memory kept by malloc) and with the
middleware as it comes.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dfs_ros import middleware  # noqa: E402 - found from here even where it is not installed
from dfs_ros.domain import free_domain  # noqa: E402

RATE_HZ = 30.0
TOPIC = "/image_raw"


def measure(count: int, *, reliable: bool, default: bool) -> dict[str, Any]:
    """Send that many images, and return what was sent and what came."""
    settings = [*(["--reliable"] if reliable else []), *(["--default"] if default else [])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {key: value for key, value in os.environ.items() if key not in middleware.PROFILE_VARIABLES} | {
            "ROS_DOMAIN_ID": str(free_domain()),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_LOG_DIR": name,
        }

        def start(role: str, *words: object) -> subprocess.Popen[bytes]:
            command = [sys.executable, str(ROOT / "benchmarks" / "transport_roles.py"), role, TOPIC]
            return subprocess.Popen([*command, *map(str, words), *settings], cwd=ROOT, env=environment)

        children = [
            start("receive", count, folder / "received.json"),
            start("send", count, RATE_HZ, folder / "sent.json"),
        ]
        try:
            codes = [child.wait(count / RATE_HZ + 180) for child in children]
        finally:
            for child in children:
                child.kill()
        if any(codes):
            raise SystemExit(f"receiver and sender ended with codes {codes}; their messages stand above")
        sent, received = (json.loads((folder / f"{what}.json").read_text()) for what in ("sent", "received"))
    return {**sent, **received, "loss": 1 - received["received"] / sent["sent"]}


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
    seconds: Annotated[float, typer.Option(help="how long images are sent", min=1.0)] = 20.0,
    only_shipped: Annotated[
        bool, typer.Option("--only-shipped", help="leave the middleware's own settings out")
    ] = False,
) -> None:
    """Measure, print a table, and write the figures if asked to."""
    count = round(seconds * RATE_HZ)
    figures = {
        f"{'reliable' if reliable else 'best_effort'}{'_default' if default else ''}": measure(
            count, reliable=reliable, default=default
        )
        for default in ((False,) if only_shipped else (False, True))
        for reliable in (False, True)
    }
    columns = ("", "sent", "Hz", "came", "lost", "mixed up", "corrupt", "p50 ms", "p95 ms")
    table = Table(*columns, title="1920x1080 bgr8 from one process to another")
    for name, row in figures.items():
        counts = (row["received"], f"{row['loss']:.1%}", row["out_of_order"], row["corrupt"])
        latencies = (f"{row['latency_ms'][share]:.1f}" for share in ("p50", "p95"))
        table.add_row(name, *map(str, (row["sent"], f"{row['rate_hz']:.1f}", *counts)), *latencies)
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
