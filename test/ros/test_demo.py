"""`dfs demo` as a user runs it: three processes over real DDS, and nothing left of them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from dfs_core.cli import main
from dfs_ros.bag import open_bag
from dfs_ros.domain import free_domain

FRAMES = 30
DEADLINE_S = 120.0

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for left-over processes in /proc")


@pytest.fixture
def parts(model_path: Path, recordings: ModuleType, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Return a bag and a model file whose paths no other test's processes know, and end what is left at the end."""
    pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")
    model = shutil.copyfile(model_path, tmp_path / "model.onnx")
    yield recordings.write(tmp_path / "road", frames=FRAMES, reliable=True), model
    for number in processes(tmp_path):
        os.kill(number, signal.SIGKILL)


def start(tmp_path: Path, bag: Path, model: Path, *more: str) -> "subprocess.Popen[str]":
    words = ["demo", "--bag", str(bag), "--out", str(tmp_path / "demo"), "--model", str(model), *more]
    return subprocess.Popen(
        [sys.executable, "-c", f"from dfs_core.cli import main; main({words!r})"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "200", "ROS_LOG_DIR": str(tmp_path / "ros")},
    )


def processes(tmp_path: Path) -> dict[int, str]:
    """Return the command lines, by number, of processes of nodes that were told of this test's files."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if entry.name.isdecimal() and str(tmp_path) in line and "dfs_ros." in line:
            found[int(entry.name)] = line
    return found


def wait(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE_S} s"
        time.sleep(0.05)


def test_a_demo_leaves_bag_picture_and_figures_that_agree(
    parts: tuple[Path, Path], recordings: ModuleType, tmp_path: Path
) -> None:
    demo = start(tmp_path, *parts)
    printed, _ = demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == 0, printed
    assert not processes(tmp_path)
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text())
    assert summary["frames_played"] == FRAMES
    assert summary["frames_in"] == summary["frames_out"] + summary["superseded"]
    assert 0 < summary["frames_out"] <= FRAMES
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p95"] < 10_000
    assert summary["precision"] == "fp32"
    assert summary["backend"] in printed
    assert "dfs dehaze INPUT OUTPUT" in printed

    with open_bag(tmp_path / "demo" / "dehazed.mcap") as bag:
        counts = {topic.name: topic.count for topic in bag.topics}
        assert counts[recordings.IMAGE_TOPIC] == FRAMES
        assert counts[recordings.INFO_TOPIC] == FRAMES
        for name in ("image_dehazed/compressed", "segmentation/mask", "visibility"):
            assert counts[f"/camera/dehaze_node/{name}"] == summary["frames_out"]
        assert counts["/diagnostics"] >= 2
        answers = [r.stamp_ns for r in bag.records(["/camera/dehaze_node/image_dehazed/compressed"])]
        seconds = (max(answers) - min(answers)) / 1e9
        assert summary["fps"] == pytest.approx((len(answers) - 1) / seconds, abs=0.01)
        stamps = []
        for name in (recordings.IMAGE_TOPIC, "/camera/dehaze_node/image_dehazed/compressed"):
            messages = [bag.types.deserialize_cdr(r.data, r.topic.type) for r in bag.records([name])]
            stamps.append({(m.header.stamp.sec, m.header.stamp.nanosec) for m in messages})
        assert stamps[1] <= stamps[0]

    picture = cv2.imread(str(tmp_path / "demo" / "frames.png"))
    height, width = picture.shape[:2]
    assert width > 3 * 400
    assert height > min(6, summary["frames_out"]) * 400 * recordings.HEIGHT // recordings.WIDTH
    assert np.unique(picture.reshape(-1, 3), axis=0).shape[0] > 100


def test_a_second_demo_replaces_the_first_and_nothing_else(parts: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.tex").touch()
    demo = start(tmp_path, *parts)
    printed, _ = demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == 1
    assert "holds something else than an earlier demo; name another folder with --out" in printed
    (tmp_path / "demo" / "summary.json").touch()
    demo = start(tmp_path, *parts)
    demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == 0
    assert not (tmp_path / "demo" / "thesis.tex").exists()
    assert json.loads((tmp_path / "demo" / "summary.json").read_text())["frames_played"] == FRAMES


def test_a_node_that_cannot_run_ends_the_demo_with_its_own_words(parts: tuple[Path, Path], tmp_path: Path) -> None:
    bag, model = parts
    model.write_text("this is no model")
    demo = start(tmp_path, bag, model)
    printed, _ = demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == 1
    assert "the dehaze node" in printed
    assert "not an ONNX file" in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "demo").exists()
    assert not processes(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_demo_that_is_stopped_leaves_no_process(
    parts: tuple[Path, Path], tmp_path: Path, number: signal.Signals
) -> None:
    demo = start(tmp_path, *parts)
    wait(lambda: any("dfs_ros.bag_player" in line for line in processes(tmp_path).values()), "the player")
    demo.send_signal(number)
    demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode != 0
    wait(lambda: not processes(tmp_path), "end of the nodes")
    assert not (tmp_path / "demo").exists()
    if number != signal.SIGKILL:
        assert not list(tmp_path.glob(".demo*"))


def test_a_bag_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")
    environment = dict(os.environ)
    try:
        with pytest.raises(SystemExit):
            main(["demo", "--bag", str(tmp_path / "road"), "--out", str(tmp_path / "demo")])
    finally:
        os.environ.clear()
        os.environ.update(environment)
    assert "no such bag" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


def test_a_domain_that_somebody_uses_is_not_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
        taken = free_domain()
        somebody.bind(("", 7400 + 250 * taken + 10))
        assert taken not in {free_domain() for _ in range(50)}
