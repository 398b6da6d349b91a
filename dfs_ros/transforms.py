"""Transforms between frames as tf2 knows them."""

from rclpy.node import Node
from rclpy.time import Time
from std_msgs.msg import Header

from dfs_core.errors import FrameError
from dfs_ros.rigid_transform import RigidTransform


class Transforms:
    """Listens to /tf and /tf_static. Needs tf2_ros, which comes with ROS only."""

    def __init__(self, node: Node) -> None:
        """Begin to listen."""
        import tf2_ros

        self._missing = tf2_ros.TransformException
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)

    def close(self) -> None:
        """Cease to listen."""
        self._listener.unregister()

    def look_up(self, *, target: str, source: Header) -> RigidTransform:
        """Return what takes points of a message's frame into another frame, at the message's stamp.

        Raises:
            FrameError: tf does not know it.
        """
        try:
            found = self._buffer.lookup_transform(target, source.frame_id, Time.from_msg(source.stamp)).transform
        except self._missing as error:
            raise FrameError(
                f"tf knows no transform from '{source.frame_id}' to '{target}' ({error}); "
                "publish it on /tf_static, or set the parameter transform"
            ) from error
        move, turn = found.translation, found.rotation
        return RigidTransform.from_numbers((move.x, move.y, move.z, turn.x, turn.y, turn.z, turn.w))
