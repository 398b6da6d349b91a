"""Find the dehaze node that already answers a camera, whatever it is called.

A dehaze node is known by what it offers: an image `…/image_dehazed` and, beside it, `…/segmentation/label_info`. One
that nobody listens to listens to no camera either; it is woken by listening to its calibration, which costs it no model
run, and then seen at its camera's topic.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dfs_core.errors import ConfigError
from dfs_ros.camera import COMPRESSED, Camera

if TYPE_CHECKING:
    from rclpy.node import Node

_OUTPUT, _IMAGE = "/image_dehazed", "sensor_msgs/msg/Image"
_CAMERA = (_IMAGE, "sensor_msgs/msg/CompressedImage")
_LABELS, _TEXT = "/segmentation/label_info", "std_msgs/msg/String"
_LOOK_AGAIN_S = 0.1
_OTHERS_S = 1.0
"""How long to look on for other nodes once one was found."""

_AWAKE_S = 10.0
"""How much longer than else to look while a node that is seen listens to no camera yet, as on a busy machine."""

_UNKNOWN = ("_NODE_NAME_UNKNOWN_", "_NODE_NAMESPACE_UNKNOWN_")
"""What the middleware calls a node of which it has heard an endpoint, but not yet the name."""


def find_answers(camera: Camera, *, patience_s: float) -> tuple[str, str] | None:
    """Return the image topic that a dehaze node listens to and what its answers lie below; None if no node does.

    Args:
        camera: whose images the node is to listen to.
        patience_s: how long to look for nodes, which need a moment to be seen; longer if one that is seen still sleeps.

    Raises:
        ConfigError: several nodes answer it, or one answers several cameras and their names do not tell which is meant.
    """
    import rclpy
    from rclpy.context import Context
    from rclpy.node import Node

    context = Context()
    rclpy.init(context=context)
    observer = Node("dfs_view", context=context, start_parameter_services=False, enable_rosout=False)
    try:
        return _find(observer, camera, patience_s)
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
            f"say it: dfs view {topic} --answers {roots[0]}"
        )
    return fitting[0]


def _find(observer: "Node", camera: Camera, patience_s: float) -> tuple[str, str] | None:
    """Look until the answers are found, and a little longer for other nodes."""
    woken: set[str] = set()
    found: dict[tuple[str, str], list[str]] = {}
    deadline = time.monotonic() + patience_s
    last = deadline + _AWAKE_S
    while time.monotonic() < (last if any(_sleeps(observer, root) for root in woken) else deadline):
        _wake(observer, woken)
        before, found = found, _listeners(observer, camera)
        if found and not before:
            deadline = min(deadline, time.monotonic() + _OTHERS_S)
        time.sleep(_LOOK_AGAIN_S)  # discovery goes on in threads of the middleware
    if len(found) > 1:
        roots = [root for own in found.values() for root in own]
        raise ConfigError(
            f"{camera.topic}: {len(found)} dehaze nodes answer it, {' and '.join(roots)}; "
            f"choose one: dfs view {camera.topic} --answers {roots[0]}"
        )
    return next(((topic, choose(roots, topic)) for (topic, _), roots in found.items()), None)


def _wake(observer: "Node", woken: set[str]) -> None:
    """Listen to the calibration of every dehaze node that is seen, once."""
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import CameraInfo

    for root in set(_roots(observer.get_topic_names_and_types())) - woken:
        observer.create_subscription(CameraInfo, f"{root}/camera_info", lambda _: None, qos_profile_sensor_data)
        woken.add(root)


def _sleeps(observer: "Node", root: str) -> bool:
    """Say whether the node whose outputs lie below a root is there and listens to no camera."""
    from rclpy.node import NodeNameNonExistentError

    for publisher in observer.get_publishers_info_by_topic(root + _OUTPUT):
        if (publisher.node_name, publisher.node_namespace) == _UNKNOWN:
            return True
        try:
            heard = observer.get_subscriber_names_and_types_by_node(publisher.node_name, publisher.node_namespace)
        except NodeNameNonExistentError:  # it has just gone
            continue
        if not any(kind in _CAMERA for _, kinds in heard for kind in kinds):
            return True
    return False


def _listeners(observer: "Node", camera: Camera) -> dict[tuple[str, str], list[str]]:
    """Return what the outputs of each dehaze node lie below that listens to a camera, by topic and node."""
    found: dict[tuple[str, str], list[str]] = {}
    first, second = camera.topic, camera.compressed_topic
    for topic in (second, first) if camera.transport == COMPRESSED else (first, second):
        resolved = observer.resolve_topic_name(topic)
        for listener in observer.get_subscriptions_info_by_topic(resolved):
            name, space = listener.node_name, listener.node_namespace
            if (name, space) in {(observer.get_name(), observer.get_namespace()), _UNKNOWN}:
                continue
            if roots := _roots_of(observer, name, space):
                found[resolved, f"{space.rstrip('/')}/{name}"] = roots
    return found


def _roots_of(observer: "Node", name: str, space: str) -> list[str]:
    """Return what a node's outputs lie below; nothing where it is no dehaze node, or has just gone."""
    from rclpy.node import NodeNameNonExistentError

    try:
        return _roots(observer.get_publisher_names_and_types_by_node(name, space))
    except NodeNameNonExistentError:
        return []


def _roots(topics: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Return what the topics of dehaze nodes lie below, by their names and types."""
    kinds = dict(topics)
    roots = [name.removesuffix(_OUTPUT) for name, found in topics if name.endswith(_OUTPUT) and _IMAGE in found]
    return [root for root in roots if _TEXT in kinds.get(root + _LABELS, ())]
