"""Quality of service as bags keep it, and what a player offers and a recorder asks for because of it."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

if TYPE_CHECKING:
    from rclpy.qos import QoSProfile

_FOREVER = QosTime(9223372036, 854775807)


def offered(*, reliable: bool, latched: bool, depth: int) -> Qos:
    """Return a profile as a bag keeps it; what is not named is left open."""
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=depth,
        reliability=QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
        durability=QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        deadline=_FOREVER,
        lifespan=_FOREVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_FOREVER,
        avoid_ros_namespace_conventions=False,
    )


LATCHED = offered(reliable=True, latched=True, depth=1)
"""What a latched topic of ROS 1 becomes."""


def is_latched(profiles: Collection[Qos]) -> bool:
    """Tell whether a publisher kept its last messages for late subscribers."""
    return any(profile.durability is QosDurability.TRANSIENT_LOCAL for profile in profiles)


def to_offer(profiles: Collection[Qos]) -> "QoSProfile":
    """Return what to offer in place of several recorded publishers: the strongest of each, so that all can subscribe.

    Deadlines and lifespans are left out, for a replay at another rate cannot keep them. Without a recorded profile, or
    when it says "system default" only, the offer is reliable with depth 10.
    """
    from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

    best_effort = bool(profiles) and all(p.reliability is QosReliability.BEST_EFFORT for p in profiles)
    keep_all = any(profile.history is QosHistory.KEEP_ALL for profile in profiles)
    latched = is_latched(profiles)
    return QoSProfile(
        history=HistoryPolicy.KEEP_ALL if keep_all else HistoryPolicy.KEEP_LAST,
        depth=max((profile.depth for profile in profiles), default=0) or 10,
        reliability=ReliabilityPolicy.BEST_EFFORT if best_effort else ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def to_ask(publishers: Collection["QoSProfile"], *, depth: int) -> "QoSProfile":
    """Return what to ask for so that every one of the publishers matches: the weakest of each.

    Args:
        publishers: what they offer now.
        depth: how many messages may wait to be written.
    """
    from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

    reliable = all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in publishers)
    latched = all(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in publishers)
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def to_keep(profile: "QoSProfile", *, depth: int) -> Qos:
    """Return a publisher's offer as a bag keeps it; discovery does not tell its depth, so that is given."""
    from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

    return offered(
        reliable=profile.reliability == ReliabilityPolicy.RELIABLE,
        latched=profile.durability == DurabilityPolicy.TRANSIENT_LOCAL,
        depth=depth,
    )
