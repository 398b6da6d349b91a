"""Publishers and subscriptions whose quality of service can be overridden, and which say in words what does not match.

What is subscribed to is taken as sensor data, best effort and newest first, which every publisher can serve; what is
published is reliable, which serves every subscription. Both follow ROS' parameters `qos_overrides.TOPIC.…`.
"""

import inspect
from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy, qos_policy_name_from_kind
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # its name before Iron
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

TELLS_MATCHES = "matched" in inspect.signature(PublisherEventCallbacks).parameters
"""Whether rclpy says when subscriptions come and go, as it does since Iron."""

_OVERRIDABLE = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)
_PUBLISHER, _SUBSCRIPTION = "publisher", "subscription"


def subscribe(node: Node, kind: type, topic: str, callback: Callable[..., None], *, depth: int = 1) -> Subscription:
    """Subscribe as to a sensor, unless parameters say otherwise; a publisher that does not match is logged in words.

    Args:
        node: whose subscription it is.
        kind: class of the messages.
        topic: remaps as usual.
        callback: as rclpy has it.
        depth: how many messages may wait.
    """
    quality = QoSProfile(depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT)
    name = node.resolve_topic_name(topic)

    def tell(event: Any) -> None:
        node.get_logger().warning(subscription_mismatch(node, name, quality) or _briefly(name, event))

    return node.create_subscription(
        kind,
        topic,
        callback,
        quality,
        event_callbacks=SubscriptionEventCallbacks(incompatible_qos=tell),
        qos_overriding_options=QoSOverridingOptions(_OVERRIDABLE),
    )


def advertise(
    node: Node, kind: type, topic: str, *, is_latched: bool = False, on_matched: Callable[[], None] | None = None
) -> Publisher:
    """Publish reliably, unless parameters say otherwise; a subscription that does not match is logged in words.

    Args:
        node: whose publisher it is; of a lifecycle node, it follows its states.
        kind: class of the messages.
        topic: remaps as usual.
        is_latched: whether who comes late gets the last message.
        on_matched: called, by the executor, when a subscription has come or gone; never before ROS 2 Iron.
    """
    quality = QoSProfile(
        depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL if is_latched else DurabilityPolicy.VOLATILE
    )
    name = node.resolve_topic_name(topic)

    def tell(event: Any) -> None:
        node.get_logger().warning(publisher_mismatch(node, name, quality) or _briefly(name, event))

    events: dict[str, Callable[[Any], None]] = {"incompatible_qos": tell}
    if on_matched is not None and TELLS_MATCHES:
        events["matched"] = lambda _status: on_matched()
    create = node.create_lifecycle_publisher if isinstance(node, LifecycleNode) else node.create_publisher
    return create(
        kind,
        topic,
        quality,
        event_callbacks=PublisherEventCallbacks(**events),
        qos_overriding_options=QoSOverridingOptions(_OVERRIDABLE),
    )


def subscription_mismatch(node: Node, topic: str, request: QoSProfile) -> str:
    """Return, in words, which publisher of a topic a subscription gets nothing from, and the cure; empty if none."""
    for peer in node.get_publishers_info_by_topic(topic):
        if policy := _mismatch(offer=peer.qos_profile, request=request):
            theirs, ours = _words(peer.qos_profile, policy), _words(request, policy)
            return (
                f"{topic}: nothing comes from a publisher ({_named(peer)}) that offers {policy} {theirs}, "
                f"as this node asks for {ours}; {_cure(topic, _SUBSCRIPTION, policy, theirs, ours)}"
            )
    return ""


def publisher_mismatch(node: Node, topic: str, offer: QoSProfile) -> str:
    """Return, in words, which subscription to a topic gets nothing from a publisher, and the cure; empty if none."""
    for peer in node.get_subscriptions_info_by_topic(topic):
        if policy := _mismatch(offer=offer, request=peer.qos_profile):
            theirs, ours = _words(peer.qos_profile, policy), _words(offer, policy)
            return (
                f"{topic}: nothing goes to a subscription ({_named(peer)}) that asks for {policy} {theirs}, "
                f"as this node offers {ours}; {_cure(topic, _PUBLISHER, policy, theirs, ours)}"
            )
    return ""


def _mismatch(*, offer: QoSProfile, request: QoSProfile) -> str:
    """Return the first policy that can be overridden in which less is offered than is asked for; empty if none."""
    if offer.reliability == ReliabilityPolicy.BEST_EFFORT and request.reliability == ReliabilityPolicy.RELIABLE:
        return "reliability"
    if offer.durability == DurabilityPolicy.VOLATILE and request.durability == DurabilityPolicy.TRANSIENT_LOCAL:
        return "durability"
    return ""


def _words(quality: QoSProfile, policy: str) -> str:
    """Return a policy's value as parameters spell it."""
    value: str = getattr(quality, policy).name.lower()
    return value


def _cure(topic: str, side: str, policy: str, theirs: str, ours: str) -> str:
    return f"set the parameter qos_overrides.{topic}.{side}.{policy} to {theirs} here, or {policy} to {ours} there"


def _named(peer: Any) -> str:
    """Name the node of an endpoint, as far as it is known yet."""
    name: str = peer.node_name
    return "of a node not known yet" if "UNKNOWN" in name else f"of {peer.node_namespace.rstrip('/')}/{name}"


def _briefly(topic: str, event: Any) -> str:
    """Say what the middleware tells, where the other side cannot be seen or differs in what cannot be overridden."""
    policy = qos_policy_name_from_kind(event.last_policy_kind).lower()
    return (
        f"{topic}: the other side differs in {policy}, so no message passes between the two; "
        f"`ros2 topic info -v {topic}` shows what it asks for or offers"
    )
