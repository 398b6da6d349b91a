"""The policy for DDS Security names what a running node offers, and no more."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from dfs_ros.share import share_file

POLICY = "config/sros2/dfs.policy.xml"

LAYOUT: dict[str, tuple[set[str], set[str]]] = {
    "policy": ({"version"}, {"enclaves"}),
    "enclaves": (set(), {"enclave"}),
    "enclave": ({"path"}, {"profiles"}),
    "profiles": (set(), {"profile"}),
    "profile": ({"ns", "node"}, {"topics", "services"}),
    "topics": ({"publish", "subscribe"}, {"topic"}),
    "services": ({"reply", "request"}, {"service"}),
    "topic": (set(), set()),
    "service": (set(), set()),
}
"""Attributes and children of each element, as the schema of version 0.2.0 has them, without actions."""

OPTIONAL_TOPICS = {
    "/clock": "use_sim_time",
    "/image_raw": "image_transport raw",
    "/image_raw/compressed": "image_transport compressed",
    "/camera_info": "somebody listens",
    "/dehaze_node/segmentation/vision_label_info": "vision_msgs is installed",
}
"""What a node has only at times."""


@pytest.fixture
def root() -> ET.Element:
    return ET.fromstring(share_file(POLICY).read_text())  # noqa: S314 - our own file


def granted(root: ET.Element, enclave: str, kind: str, what: str) -> set[str]:
    """Return the full names of topics or services that an enclave may use in a way."""
    profile = next(one for one in root.iter("enclave") if one.get("path") == enclave).find("profiles/profile")
    assert profile is not None
    texts = [entry.text or "" for group in profile if group.get(what) == "ALLOW" for entry in group.findall(kind)]
    node = f"/{profile.get('node')}"
    return {node + name[1:] if name.startswith("~") else "/" + name.lstrip("/") for name in texts}


def test_the_policy_is_laid_out_as_sros2_reads_it(root: ET.Element) -> None:
    assert root.tag == "policy"
    assert root.get("version") == "0.2.0"
    for element in root.iter():
        attributes, children = LAYOUT[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= children
        assert bool(children) == bool(len(element))
        if element.tag in {"topics", "services"}:
            assert list(element.attrib.values()) == ["ALLOW"]


def test_nobody_is_granted_more_than_the_node_offers(root: ET.Element) -> None:
    answers = granted(root, "/dfs/dehaze", "topic", "publish")
    assert granted(root, "/dfs/consumer", "topic", "subscribe") <= answers | {"/clock"}
    assert granted(root, "/dfs/camera", "topic", "publish") <= granted(root, "/dfs/dehaze", "topic", "subscribe") | {
        "/parameter_events",
        "/rosout",
    }
    assert granted(root, "/dfs/operator", "service", "request") == granted(root, "/dfs/dehaze", "service", "reply")
    for enclave in ("/dfs/camera", "/dfs/consumer"):
        assert not granted(root, enclave, "service", "request"), "only operators call"


def test_the_policy_names_what_a_running_node_uses(start: Callable[..., Any], root: ET.Element) -> None:
    from sensor_msgs.msg import Image

    node = start()
    node.graph.listen(Image, "/dehaze_node/image_dehazed")
    node.wait_until_active()
    asked = node.graph.node

    def names(found: list[tuple[str, list[str]]]) -> set[str]:
        return {name for name, _ in found}

    own = ("dehaze_node", "/")
    node.graph.wait(lambda: asked.get_subscriber_names_and_types_by_node(*own), "the node listens")
    for used, what, kind in (
        (names(asked.get_publisher_names_and_types_by_node(*own)), "publish", "topic"),
        (names(asked.get_subscriber_names_and_types_by_node(*own)), "subscribe", "topic"),
        (names(asked.get_service_names_and_types_by_node(*own)), "reply", "service"),
    ):
        allowed = granted(root, "/dfs/dehaze", kind, what)
        assert used <= allowed, f"the node would be refused {used - allowed}"
        assert allowed - used <= set(OPTIONAL_TOPICS) | {"/dehaze_node/get_type_description"}
