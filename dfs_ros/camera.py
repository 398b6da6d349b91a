"""Which topics make up a camera, by convention or by what a bag holds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dfs_core.errors import BagError, ConfigError

RAW, COMPRESSED = "raw", "compressed"

IMAGE_TYPES = {"sensor_msgs/msg/Image": RAW, "sensor_msgs/msg/CompressedImage": COMPRESSED}
"""The transport of each message type."""

_SUFFIX = "/compressed"
_NOT_PICTURES = ("/compressedDepth", "/theora")


@dataclass(frozen=True)
class Camera:
    """A camera as a node sees it.

    Attributes:
        topic: where its raw images are, or would be.
        transport: "raw" or "compressed".
        compressed_topic: where its compressed images are, or would be.
    """

    topic: str
    transport: str
    compressed_topic: str

    @property
    def namespace(self) -> str:
        """What stands before the topic's last name, where camera_info is too."""
        parent = self.topic.rpartition("/")[0]
        return parent or ("/" if self.topic.startswith("/") else "")

    @property
    def leaf(self) -> str:
        """The topic's last name."""
        return self.topic.rpartition("/")[2]

    @property
    def info_topic(self) -> str:
        """Where its calibration is."""
        return f"{self.namespace.rstrip('/')}/camera_info" if self.namespace else "camera_info"

    @property
    def remappings(self) -> tuple[tuple[str, str], ...]:
        """What a node in the camera's namespace must remap to hear it; nothing where the names are already right."""
        compressed_leaf = self.leaf + self.compressed_topic.removeprefix(self.topic)
        wanted = (("image_raw", self.leaf), ("image_raw/compressed", compressed_leaf))
        return tuple((name, topic) for name, topic in wanted if name != topic)

    @classmethod
    def of_topic(cls, name: str, *, transport: str = "auto", types: Mapping[str, str] | None = None) -> "Camera":
        """Return the camera that an image topic belongs to.

        Args:
            name: its raw or its compressed topic.
            transport: "raw", "compressed", or "auto" for what the topic's type, or else its name, says.
            types: message types of topics, as far as they are known.

        Raises:
            ConfigError: the name cannot be a topic's.
        """
        if not name.strip("/") or name.endswith("/") or any(letter.isspace() for letter in name):
            raise ConfigError(f"camera:={name}: not the name of a topic; give one such as /front/image_raw")
        base = name.removesuffix(_SUFFIX)
        known = types or {}
        if base == name and known.get(name) in IMAGE_TYPES and IMAGE_TYPES[known[name]] == COMPRESSED:
            return cls(
                name, COMPRESSED if transport == "auto" else transport, name
            )  # compressed, under a name of its own
        if transport == "auto":
            only_compressed = base + _SUFFIX in known and base not in known
            transport = COMPRESSED if base != name or only_compressed else RAW
        return cls(base, transport, base + _SUFFIX)


def camera_names(cameras: Sequence[Camera]) -> list[str]:
    """Return a name for each camera that is fit to be part of a topic's: its namespace, or what else tells it apart.

    /front/image_raw is "front", /rear/color/image_rect is "rear_color"; /stereo/left and /stereo/right, which share a
    namespace, are "stereo_left" and "stereo_right".
    """
    spaces = Counter(camera.namespace for camera in cameras)
    words = [
        [*camera.namespace.strip("~/").split("/"), *([camera.leaf] if spaces[camera.namespace] > 1 else [])]
        for camera in cameras
    ]
    return ["_".join(filter(None, own)) or camera.leaf for own, camera in zip(words, cameras, strict=True)]


def bag_camera_topics(types: Mapping[str, str]) -> list[str]:
    """Return the image topics among topics of these types, one a camera: raw where there is raw, else compressed."""
    images = [name for name, kind in types.items() if kind in IMAGE_TYPES and not name.endswith(_NOT_PICTURES)]
    return [name for name in images if not (name.endswith(_SUFFIX) and name.removesuffix(_SUFFIX) in images)]


def only_camera_topic(types: Mapping[str, str], *, source: str) -> str:
    """Return the image topic of a bag with one camera.

    Args:
        types: message types of the bag's topics.
        source: the bag's name, for messages.

    Raises:
        BagError: it holds no images, or those of several cameras.
    """
    topics = bag_camera_topics(types)
    if not topics:
        found = ", ".join(f"{name} ({kind})" for name, kind in types.items())
        raise BagError(f"{source}: no sensor_msgs/Image or CompressedImage among its topics: {found}")
    if len(topics) > 1:
        raise BagError(f"{source}: has several image topics; choose with camera:=, from {', '.join(topics)}")
    return topics[0]


def bag_topic_types(bag: Path) -> dict[str, str]:
    """Return the message types of a bag's topics.

    Raises:
        BagError: the bag cannot be read.
    """
    from dfs_ros.bag import open_bag

    with open_bag(bag) as opened:
        return {topic.name: topic.type for topic in opened.topics}
