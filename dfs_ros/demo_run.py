"""Play a bag through a dehaze node and record its answers: three processes over real DDS, and what the node reports."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dfs_ros import graph, up
from dfs_ros.bag import open_bag
from dfs_ros.camera import COMPRESSED, Camera, bag_topic_types, only_camera_topic
from dfs_ros.child import Child
from dfs_ros.demo_figures import Figures
from dfs_ros.demo_observer import Observer
from dfs_ros.interruption import Interruption
from dfs_ros.middleware import prepare

READY_S = 900.0
"""How long the node may take to load its model: the first engine for a GPU takes minutes to build."""

LISTEN_S, SETTLE_S, STOP_S = 20.0, 15.0, 10.0
PLAY_MARGIN_S = 30.0
"""How much longer than the bag the player may take."""

_RECORDER = "recorder"


@dataclass(frozen=True)
class Topics:
    """Where the images, and what the node makes of them, are to be found.

    Attributes:
        image: the camera's images, compressed or raw.
        node: full name of the dehaze node.
        transport: "raw" or "compressed"; the node's answer is recorded as the images came.
        camera_info: the camera's calibration.
    """

    image: str
    node: str
    transport: str
    camera_info: str

    @property
    def dehazed(self) -> str:
        """The frames without fog."""
        return f"{self.node}/image_dehazed" + ("/compressed" if self.transport == COMPRESSED else "")

    @property
    def mask(self) -> str:
        """Their class ids."""
        return f"{self.node}/segmentation/mask"

    @property
    def label_info(self) -> str:
        """What the ids mean, as JSON."""
        return f"{self.node}/segmentation/label_info"

    @property
    def visibility(self) -> str:
        """How far one can see, in metres."""
        return f"{self.node}/visibility"

    @property
    def answers(self) -> tuple[str, ...]:
        """All that is recorded of the node."""
        own = (self.dehazed, self.mask, self.label_info, self.visibility, f"{self.node}/camera_info")
        return (*own, "/diagnostics")


@dataclass(frozen=True)
class Outcome:
    """What a run has shown.

    Attributes:
        topics: where everything was.
        played: how many frames the bag holds.
        figures: what the node said last of itself.
        fps: answers per second, from the first to the last; None when there were not two.
    """

    topics: Topics
    played: int
    figures: Figures
    fps: float | None

    def summary(self) -> dict[str, Any]:
        """Return the figures for `summary.json`."""
        return {**self.figures.summary(), "frames_played": self.played, "fps": self.fps}


def run(bag: Path, output: Path, settings: Mapping[str, str], *, log: Path, say: Callable[[str], None]) -> Outcome:
    """Play a bag through a dehaze node and record its answers.

    Args:
        bag: what to play; it has one camera.
        output: the MCAP file to record.
        settings: further arguments of the pipeline, as for `dfs up`.
        log: folder for what the processes print; made here.
        say: told what is going on.

    Raises:
        BagError: the bag cannot be read, or has not just one camera.
        ChildError: one of the processes failed, or did not do its part in time.
        KeyboardInterrupt, SystemExit: it was asked to end, by SIGINT or SIGTERM.
    """
    prepare()
    dehaze_node, player = graph.pipeline({**settings, "bag": str(bag), "restamp": "true"})
    topics = _topics(bag, dehaze_node)
    with open_bag(bag) as opened:
        frames = next(topic.count for topic in opened.topics if topic.name == topics.image)
        duration_s = opened.duration_s
    log.mkdir(parents=True)
    with ExitStack() as stack:
        observer = stack.enter_context(Observer(topics.node, stack.enter_context(Interruption())))

        def start(executable: str, arguments: Sequence[str]) -> Child:
            name = executable.replace("_", " ")
            file = log / f"{executable}.txt"
            return stack.enter_context(
                Child(name, f"dfs_ros.{executable}", arguments, log=file, environment=os.environ)
            )

        say("starting the dehaze node and the recorder")
        dehazing = start("dehaze_node", _arguments(dehaze_node))
        recording = start("recorder", _recorder_arguments(output, topics))
        observer.wait(lambda: observer.figures.is_active, dehazing, "was not ready", READY_S)
        wanted = (topics.dehazed, topics.mask, topics.visibility)
        for topic in wanted:
            observer.wait(partial(observer.is_heard, topic, by=_RECORDER), recording, f"did not hear {topic}", LISTEN_S)
        say(f"playing {frames} frames, {duration_s:.0f} s")
        playing = start("bag_player", [*_arguments(player), *_patience(topics, bag)])
        observer.wait(lambda: playing.exit_code == 0, playing, "did not end", duration_s + LISTEN_S + PLAY_MARGIN_S)
        say("waiting for the last frames")
        observer.wait_until_settled(dehazing, SETTLE_S)
        for child in (recording, dehazing):
            if code := child.stop(grace_s=STOP_S):
                raise child.failure(f"ended with exit code {code}")
    return Outcome(topics, frames, observer.figures, _rate(output, topics.dehazed))


def _topics(bag: Path, node: graph.Node) -> Topics:
    types = bag_topic_types(bag)
    camera = Camera.of_topic(only_camera_topic(types, source=str(bag)), types=types)
    image = camera.compressed_topic if camera.transport == COMPRESSED else camera.topic
    space = node.namespace.rstrip("/")
    return Topics(image, f"{space}/{node.name}", camera.transport, f"{space}/camera_info")


def _arguments(node: graph.Node) -> Sequence[str]:
    """Return a node's command line as `dfs up` would give it."""
    words = up.command(node).words
    return words[words.index("--ros-args") :]


def _recorder_arguments(output: Path, topics: Topics) -> Sequence[str]:
    names = json.dumps([topics.image, topics.camera_info, *topics.answers])
    return "--ros-args", "-p", f"output:={json.dumps(str(output))}", "-p", f"topics:={names}"


def _patience(topics: Topics, bag: Path) -> Sequence[str]:
    """Have the player wait until both the node and the recorder listen to the camera."""
    awaited = [name for name in (topics.image, topics.camera_info) if name in bag_topic_types(bag)]
    waiting = {"wait_for_topics": awaited, "expected_subscribers": 2, "wait_for_subscribers": LISTEN_S}
    return [word for name, value in waiting.items() for word in ("-p", f"{name}:={json.dumps(value)}")]


def _rate(recording: Path, topic: str) -> float | None:
    """Return messages per second of a recorded topic."""
    with open_bag(recording) as bag:
        stamps = [record.stamp_ns for record in bag.records([topic])]
    return round((len(stamps) - 1) / (stamps[-1] - stamps[0]) * 1e9, 2) if len(stamps) > 1 else None
