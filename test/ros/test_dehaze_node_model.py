"""What a dehaze node asks of its model, and who answers while another is loaded, over real DDS."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from sensor_msgs.msg import Image
from std_msgs.msg import Float32
from std_srvs.srv import Trigger

Start = Callable[..., Any]

OBSERVED_NODE = """
import sys
import time
from pathlib import Path

from dfs_ros import dehaze_node, model_runner

load, barrier = model_runner.load, Path(sys.argv.pop(1))

def load_observed(*args, **kwargs):
    if barrier.exists():
        print("waiting to load", flush=True)
        while barrier.exists():
            time.sleep(0.02)
    dehazer = load(*args, **kwargs)

    class Observed(type(dehazer)):
        def __call__(self, frames, **wishes):
            result = super().__call__(frames, **wishes)
            made = result.dehazed is not None or bool(wishes.get("out"))
            print(f"asked: dehaze {made}, segment {result.mask is not None}", flush=True)
            return result

    dehazer.__class__ = Observed
    return dehazer

model_runner.load = load_observed
dehaze_node.main()
"""
"""The dehaze node, which prints what its model is asked for, and loads none while the file exists that it is given."""


@pytest.fixture
def barrier(tmp_path: Path) -> Path:
    """Return the file that keeps the node from loading."""
    return tmp_path / "barrier"


@pytest.fixture
def node(start: Start, barrier: Path) -> Any:
    """Return a node that prints what its model is asked for."""
    observed = start(program=("-c", OBSERVED_NODE, str(barrier)))
    observed.wait_until_active()
    return observed


def test_only_what_somebody_listens_to_is_asked_of_the_model(node: Any) -> None:
    graph = node.graph

    def asked() -> list[str]:
        """Return what the model was asked for since the node listens."""
        return re.findall("asked: (.*)", node.process.output.partition("listening to ")[2])

    masks: list[Image] = []
    subscription = graph.node.create_subscription(Image, "/dehaze_node/segmentation/mask", masks.append, 10)
    node.ask(node.image(), masks)
    node.ask(node.image(), masks)
    assert set(asked()) == {"dehaze False, segment True"}

    visibilities = graph.listen(Float32, "/dehaze_node/visibility")
    graph.node.destroy_subscription(subscription)
    graph.send_until(
        node.camera, node.image(), lambda: asked()[-1] == "dehaze False, segment False", "only the fog is asked for"
    )
    graph.wait(lambda: visibilities, "a visibility")
    assert set(asked()) == {"dehaze False, segment True", "dehaze False, segment False"}

    node.ask(node.image(), graph.listen(Image, "/dehaze_node/image_dehazed"))
    assert asked()[-1] == "dehaze True, segment False"


def test_while_another_model_is_loaded_the_one_before_answers(node: Any, barrier: Path) -> None:
    graph = node.graph
    answers = graph.listen(Image, "/dehaze_node/image_dehazed")
    node.ask(node.image(), answers)
    client = graph.node.create_client(Trigger, "/dehaze_node/reload_model")
    graph.wait(client.service_is_ready, "the service")
    barrier.touch()
    answer = client.call_async(Trigger.Request())
    graph.wait(lambda: "waiting to load" in node.process.output, "the node is about to load")
    for _ in range(5):
        node.ask(node.image(), answers)
    assert not answer.done()
    barrier.unlink()
    graph.wait(answer.done, "the answer")
    assert answer.result().success, answer.result().message
    node.ask(node.image(), answers)
    figures = node.next_figures
    assert figures["failed"] == figures["refused"] == "0"
