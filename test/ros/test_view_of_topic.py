"""`dfs view` of a camera that publishes, beside dehaze nodes that run already."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")
pytest.importorskip("aiohttp", reason="needs the extra [view]")
pytest.importorskip("selenium", reason="needs selenium to drive Chromium")

from sensor_msgs.msg import Image

from .view_page import CHROMIUM, DRIVER, Running, opened_page

CAMERA = "/front/image_raw"
in_chromium = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium and chromedriver: install chromium and chromium-driver"
)


def named(name: str, *, namespace: str = "/perception", camera: str = CAMERA) -> tuple[str, ...]:
    """Return ROS arguments of a dehaze node under another name."""
    rules = (f"__node:={name}", f"__ns:={namespace}", f"image_raw:={camera}")
    return tuple(word for rule in rules for word in ("-r", rule))


def wait_for(graph: Any, *roots: str) -> None:
    """Wait until nodes offer their outputs."""
    graph.wait(lambda: all(graph.node.count_publishers(f"{root}/image_dehazed") for root in roots), f"nodes {roots}")


def view(graph: Any, *words: str) -> Any:
    """Start `dfs view` of the camera."""
    command = [sys.executable, "-m", "dfs_core.cli", "view", CAMERA, "--port", "0", *words]
    return graph.run(command)


@in_chromium
def test_an_idle_node_of_another_name_and_namespace_is_found_and_its_answers_are_shown(
    start: Callable[..., Any], model_path: Path, tmp_path: Path
) -> None:
    node = start(*named("defogger"))
    graph = node.graph
    start(*named("other", namespace="/rear", camera="/rear/image_raw"))
    wait_for(graph, "/perception/defogger", "/rear/other")
    assert not graph.node.get_subscriptions_info_by_topic(CAMERA), "nobody listens to it, so it is idle"
    camera = graph.node.create_publisher(Image, CAMERA, 1)
    running = Running(tmp_path, CAMERA, model_path, int(os.environ["ROS_DOMAIN_ID"]))
    try:
        with opened_page(running, tmp_path / "profile") as page:
            graph.wait(lambda: camera.publish(node.image()) or page.frame() > 2, "frames are shown")
            shown = page.run("return ['before', 'after'].map(id => document.getElementById(id).width)")
            assert shown == [node.frame.shape[1]] * 2
            graph.wait(lambda: camera.publish(node.image()) or "onnxruntime" in page.text("figures"), "its diagnostics")
        assert f"showing what /perception/defogger makes of {CAMERA}" in running.output
    finally:
        running.process.terminate()
        running.process.wait(30.0)


@in_chromium
def test_where_no_node_listens_to_the_camera_one_is_started(
    start: Callable[..., Any], dehaze_harness: ModuleType, model_path: Path, tmp_path: Path
) -> None:
    node = start(*named("other", namespace="/rear", camera="/rear/image_raw"))
    graph = node.graph
    wait_for(graph, "/rear/other")
    camera = graph.node.create_publisher(Image, CAMERA, 1)
    running = Running(tmp_path, CAMERA, model_path, int(os.environ["ROS_DOMAIN_ID"]))
    try:
        with opened_page(running, tmp_path / "profile") as page:
            graph.wait(lambda: camera.publish(node.image()) or page.frame() > 2, "frames are shown")
        assert f"no running dehaze node listens to {CAMERA}: starting one" in running.output
    finally:
        running.process.terminate()
        running.process.wait(30.0)


def test_of_two_nodes_one_must_be_chosen_and_can_be(start: Callable[..., Any]) -> None:
    graph = start(*named("one")).graph
    start(*named("two"))
    wait_for(graph, "/perception/one", "/perception/two")
    refused = view(graph)
    graph.wait(lambda: not refused.is_running, "it ends")
    words = " ".join(refused.output.split())
    assert "2 dehaze nodes answer it" in words
    assert re.search(rf"choose one: dfs view {CAMERA} --answers /perception/(one|two)", words)
    chosen = view(graph, "--answers", "/perception/two")
    graph.wait(lambda: "open http://" in chosen.output, "the page is served")
    assert f"showing what /perception/two makes of {CAMERA}" in chosen.output
    assert chosen.stop() == 0
