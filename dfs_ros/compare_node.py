"""The node that shows operators what went in and what came out, side by side in one image."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sensor_msgs.msg import Image

from dfs_ros.image_message import MAX_PIXELS, from_array, to_array
from dfs_ros.lazy_node import LazyNode, stamp_ns
from dfs_ros.middleware import run
from dfs_ros.parameters import ALWAYS, LiveParameters, parameter
from dfs_ros.side_by_side import LAYOUTS, ROW, side_by_side
from dfs_ros.synchronizer import Synchronizer

TOPICS = {"dehazed": "image_dehazed", "input": "image_raw", "overlay": "segmentation/overlay"}
"""Topic of each picture. The dehazed one leads: there is one for every frame that was answered."""

SHOWN = ("input", "dehazed", "overlay")


@dataclass(frozen=True)
class CompareParameters:
    """What can be set on the compare node."""

    layout: str = parameter(
        ROW, "How the pictures lie: row, column, or grid of two columns.", one_of=LAYOUTS, settable=ALWAYS
    )
    height: int = parameter(
        360, "Rows of each picture, in pixels; its width follows.", at_least=16, at_most=4320, settable=ALWAYS
    )
    labels: bool = parameter(True, "Whether each picture bears its name.", settable=ALWAYS)
    depth: int = parameter(30, "Frames that may wait for their answer.", at_least=1, at_most=1000)
    max_pixels: int = parameter(MAX_PIXELS, "Larger images are refused as corrupt.", at_least=1, settable=ALWAYS)


class CompareNode(LazyNode):
    """Joins input, dehazed image and overlay of one stamp into one image."""

    def __init__(self) -> None:
        """Offer the image.

        Raises:
            ConfigError: a parameter has the wrong type or is out of range.
        """
        super().__init__("compare_node")
        self._live = LiveParameters(self, CompareParameters, is_configured=lambda: True)
        self._publisher = self.offer(Image, "~/image")
        self._synchronizer = Synchronizer[Image](tuple(TOPICS), self._matched, depth=self._live.values.depth)
        for name, topic in TOPICS.items():
            self.hear(Image, topic, partial(self._came, name))

    def on_sleep(self) -> None:
        """Forget frames that wait: none is wanted later."""
        self._synchronizer.clear()

    def _came(self, name: str, message: Image) -> None:
        self._synchronizer.put(name, stamp_ns(message), message)

    def _matched(self, messages: Sequence[Image]) -> None:
        parameters = self._live.values
        named = dict(zip(TOPICS, messages, strict=True))
        with self.survives("comparison"):
            frames = {name: to_array(named[name], max_pixels=parameters.max_pixels) for name in SHOWN}
            picture = side_by_side(
                frames, height=parameters.height, layout=parameters.layout, with_labels=parameters.labels
            )
            self._publisher.publish(from_array(picture, named["input"].header, "rgb8", Image))


def main() -> int:
    """Run the node until it is interrupted."""
    return run(CompareNode)


if __name__ == "__main__":
    sys.exit(main())
