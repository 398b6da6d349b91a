"""Find the dehaze node that already answers a camera."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dfs_core.errors import ConfigError
from dfs_ros.camera import COMPRESSED, Camera

if TYPE_CHECKING:
    from rclpy.node import Node

_OUTPUT = "/image_dehazed"
_LOOK_AGAIN_S = 0.1


def find_answers(camera: Camera, *, patience_s: float) -> tuple[str, str] | None:
    """Return the image topic that a dehaze node listens to and what its answers lie below; None if no node does.

    Args:
        camera: whose images the node is to listen to.
        patience_s: how long to look; nodes need a moment to be seen.

    Raises:
        ConfigError: a node answers several cameras and their names do not tell which is meant.
    """
    import rclpy
    from rclpy.context import Context
    from rclpy.node import Node

    context = Context()
    rclpy.init(context=context)
    observer = Node("dfs_view", context=context, start_parameter_services=False, enable_rosout=False)
    try:
        deadline = time.monotonic() + patience_s
        while True:
            if found := _look(observer, camera):
                return found
            if time.monotonic() > deadline:
                return None
            time.sleep(_LOOK_AGAIN_S)  # discovery goes on in threads of the middleware
    finally:
        observer.destroy_node()
        context.try_shutdown()


def choose(roots: Sequence[str], topic: str) -> str:
    """Return which of a node's outputs belong to a topic.

    Args:
        roots: what each camera's outputs lie below, such as /dehaze_node/front.
        topic: such as /front/image_raw.

    Raises:
        ConfigError: the names do not tell.
    """
    fitting = [root for root in roots if root.rpartition("/")[2] in topic.split("/")] if len(roots) > 1 else roots
    if len(fitting) != 1:
        raise ConfigError(
            f"{topic}: which of {', '.join(roots)} answers it cannot be told; "
            f"say it to the viewer: ros2 run dfs_ros viewer --ros-args -p images:=[{topic}] -p answers:=[{roots[0]}]"
        )
    return fitting[0]


def _look(observer: "Node", camera: Camera) -> tuple[str, str] | None:
    first, second = camera.topic, camera.compressed_topic
    for topic in (second, first) if camera.transport == COMPRESSED else (first, second):
        resolved = observer.resolve_topic_name(topic)
        for listener in observer.get_subscriptions_info_by_topic(resolved):
            offered = observer.get_publisher_names_and_types_by_node(listener.node_name, listener.node_namespace)
            roots = [name.removesuffix(_OUTPUT) for name, _ in offered if name.endswith(_OUTPUT)]
            if roots:
                return resolved, choose(roots, resolved)
    return _look_for_idle(observer, camera)


def _look_for_idle(observer: "Node", camera: Camera) -> tuple[str, str] | None:
    """Look for a node that listens to nothing as nobody listens to it: by the name that the pipeline gives it."""
    topic = observer.resolve_topic_name(camera.compressed_topic if camera.transport == COMPRESSED else camera.topic)
    space = observer.resolve_topic_name(camera.topic).rpartition("/")[0]
    for root in (f"{space}/dehaze_node", f"{space}/dehaze_{camera.leaf}"):
        if observer.count_publishers(root + _OUTPUT):
            return topic, root
    return None
