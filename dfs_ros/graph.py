"""The pipeline as plain data: its arguments and the nodes they ask for; the launch file and `dfs up` both start it."""

import difflib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dfs_core.errors import ConfigError
from dfs_core.runtime import BACKENDS
from dfs_core.runtime.loading import PRECISIONS
from dfs_ros.camera import COMPRESSED, Camera, bag_camera_topics, bag_topic_types, camera_names, only_camera_topic
from dfs_ros.share import share_file

Parameter = bool | float | str | list[str]

BOOLEAN = ("true", "false")

LOADING_S = 20.0
"""How long the player waits for the dehaze node to load its model and listen."""


@dataclass(frozen=True)
class Argument:
    """One thing a user may set, as text.

    Attributes:
        name: what stands before `:=`.
        default: its value when the user gives none.
        description: what it does, in a sentence or two.
        choices: the values it can have besides its default; any if empty.
    """

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        """All values it can have, its default among them; empty if any will do."""
        return self.choices if not self.choices or self.default in self.choices else (self.default, *self.choices)


@dataclass(frozen=True)
class Node:
    """One process to start.

    Attributes:
        executable: its name under lib/<package>/.
        name: the node's name.
        namespace: the node's namespace; relative to where the pipeline is started unless it begins with "/".
        parameters: values by name; they win over those of `params_file`.
        params_file: YAML file with more parameters.
        remappings: pairs of the name in the node and the name on the graph.
        package: the ROS package of the executable.
        lifecycle: whether it is a lifecycle node.
        required: whether the pipeline stops when this process ends.
        respawn: whether it is started again when it has ended unasked.
        log_level: least severe message it prints.
        options: words of the command line before those that ROS reads.
    """

    executable: str
    name: str
    namespace: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    params_file: Path | None = None
    remappings: tuple[tuple[str, str], ...] = ()
    package: str = "dfs_ros"
    lifecycle: bool = False
    required: bool = False
    respawn: bool = False
    log_level: str = "info"
    options: tuple[str, ...] = ()


ARGUMENTS = (
    Argument(
        "camera",
        "",
        "Image topic, or several with commas between them, such as /front/image_raw,/rear/image_raw: one dehaze node "
        "each, in the topic's namespace. Empty: the bag's only camera, and without a bag image_raw.",
    ),
    Argument(
        "batch",
        "false",
        "Have one node serve all cameras and take their frames through the model together; /front/image_raw is then "
        "answered below /dehaze_node/front. Without camera: those of the bag, else those that params_file names.",
        BOOLEAN,
    ),
    Argument(
        "image_transport",
        "auto",
        "Whether images arrive as sensor_msgs/Image or CompressedImage. "
        "auto: compressed if the camera's topic or the bag says so, else raw.",
        ("raw", "compressed"),
    ),
    Argument("model", "", "Model file that `dfs export` wrote. Empty: what params_file says, else the one that ships."),
    Argument(
        "backend", "", "What runs the model. Empty: what params_file says, else the best here.", ("auto", *BACKENDS)
    ),
    Argument("precision", "", "Number format of the computation. Empty: what params_file says.", PRECISIONS),
    Argument("bag", "", "Bag to play, sqlite3 or MCAP. Empty: the cameras are live."),
    Argument("rate", "1.0", "Speed of the bag: 0.5 plays at half speed."),
    Argument("start_offset", "0.0", "Seconds of the bag to leave out at its beginning."),
    Argument("loop", "false", "Start the bag again when it ends.", BOOLEAN),
    Argument("restamp", "false", "Set the bag's header stamps to now, so that latency can be measured.", BOOLEAN),
    Argument("keep_running", "false", "Go on when the bag has ended.", BOOLEAN),
    Argument("use_sim_time", "false", "Take time from /clock, which the player then publishes.", BOOLEAN),
    Argument(
        "params_file", "", "YAML file with the dehaze node's parameters. Empty: config/dehaze.yaml of this package."
    ),
    Argument(
        "respawn",
        "false",
        "Start a node again two seconds after it has ended unasked, instead of stopping the pipeline.",
        BOOLEAN,
    ),
    Argument("rviz", "false", "Show the images in RViz, which needs a ROS installation.", BOOLEAN),
    Argument("viewer", "false", "Serve a page that shows the cameras and the answers in a browser.", BOOLEAN),
    Argument("viewer_host", "127.0.0.1", "Address of this machine to serve that page on; 0.0.0.0: to everybody."),
    Argument("viewer_port", "8088", "Port of that page; 0: any that is free."),
    Argument("log_level", "info", "Least severe message that is printed.", ("debug", "info", "warn", "error", "fatal")),
)
"""What can be set, in the order in which it is worth reading."""


def pipeline(arguments: Mapping[str, str]) -> list[Node]:
    """Return the nodes that the arguments ask for; the player comes last, so that what listens to it starts first.

    Args:
        arguments: values by name; what is not given has its default.

    Raises:
        ConfigError: an argument has no such name or value, or two cameras are one.
        BagError: the bag cannot be read, or does not tell which camera is meant.
    """
    values = complete(arguments)
    cameras = _cameras(values)
    if len(set(cameras)) < len(cameras):
        raise ConfigError(f"camera:={values['camera']}: names a camera twice; give each image topic once")
    nodes = [_batch_node(cameras, values)] if values["batch"] == "true" else _dehaze_nodes(cameras, values)
    if values["rviz"] == "true":
        nodes.append(_rviz(cameras, nodes[0], values))
    if values["viewer"] == "true":
        nodes.append(_viewer(cameras, nodes, values))
    if values["bag"]:
        nodes.append(_bag_player(values))
    return nodes


def complete(arguments: Mapping[str, str]) -> dict[str, str]:
    """Return a value for every argument: the one given, else the default.

    Raises:
        ConfigError: there is no such argument, or it cannot have that value.
    """
    known = {argument.name: argument for argument in ARGUMENTS}
    for name, value in arguments.items():
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise ConfigError(
                f"no argument is called '{name}'; did you mean '{nearest}'? There are: {', '.join(known)}"
            )
        argument = known[name]
        if argument.choices and value not in argument.accepted:
            raise ConfigError(f"{name}:={value}: must be one of {', '.join(argument.choices)}")
    return {argument.name: arguments.get(argument.name, argument.default) for argument in ARGUMENTS}


def _cameras(values: Mapping[str, str]) -> list[Camera]:
    """Return the cameras that are asked for; none where the parameters of a node for several name them."""
    types = bag_topic_types(Path(values["bag"]).expanduser()) if values["bag"] else {}
    if values["camera"]:
        topics = [topic.strip() for topic in values["camera"].split(",")]
    elif types and values["batch"] == "true":
        topics = bag_camera_topics(types)
    elif types:
        topics = [only_camera_topic(types, source=values["bag"])]
    elif values["batch"] == "true":
        topics = []
    else:
        topics = ["image_raw"]
    return [Camera.of_topic(topic, transport=values["image_transport"], types=types) for topic in topics]


def _dehaze_nodes(cameras: Sequence[Camera], values: Mapping[str, str]) -> list[Node]:
    """Return a node for each camera, in the camera's namespace; its name tells cameras of one namespace apart."""
    namespaces = Counter(camera.namespace for camera in cameras)
    return [
        _dehaze_node(
            values,
            name="dehaze_node" if namespaces[camera.namespace] == 1 else f"dehaze_{camera.leaf}",
            namespace=camera.namespace,
            parameters={"image_transport": camera.transport},
            remappings=camera.remappings,
            is_only=len(cameras) == 1,
        )
        for camera in cameras
    ]


def _batch_node(cameras: Sequence[Camera], values: Mapping[str, str]) -> Node:
    """Return one node for all cameras."""
    transports = {camera.transport for camera in cameras} or ({values["image_transport"]} - {"auto"})
    if len(transports) > 1:
        told = ", ".join(f"{camera.topic} ({camera.transport})" for camera in cameras)
        raise ConfigError(
            f"batch:=true: one node takes raw or compressed images, not both: {told}; "
            "give image_transport:=raw or image_transport:=compressed"
        )
    names = camera_names(cameras)
    parameters: dict[str, Parameter] = {"cameras": names} if names else {}
    if transports:
        parameters["image_transport"] = transports.pop()
    topics = ("image_raw", "image_raw/compressed", "camera_info")
    return _dehaze_node(
        values,
        parameters=parameters,
        remappings=tuple(
            (f"{name}/{topic}", target)
            for name, camera in zip(names, cameras, strict=True)
            for topic, target in zip(topics, (camera.topic, camera.compressed_topic, camera.info_topic), strict=True)
        ),
    )


def _dehaze_node(
    values: Mapping[str, str],
    *,
    parameters: Mapping[str, Parameter],
    remappings: tuple[tuple[str, str], ...],
    name: str = "dehaze_node",
    namespace: str = "",
    is_only: bool = True,
) -> Node:
    model = _file(values, "model")
    chosen = {"model": str(model or ""), "backend": values["backend"], "precision": values["precision"]}
    respawn = values["respawn"] == "true"
    return Node(
        "dehaze_node",
        name=name,
        namespace=namespace,
        parameters={
            **{parameter: value for parameter, value in chosen.items() if value},
            **parameters,
            "use_sim_time": values["use_sim_time"] == "true",
        },
        params_file=_file(values, "params_file") or share_file("config/dehaze.yaml"),
        remappings=remappings,
        lifecycle=True,
        required=is_only and not respawn,
        respawn=respawn,
        log_level=values["log_level"],
    )


def _rviz(cameras: Sequence[Camera], dehazer: Node, values: Mapping[str, str]) -> Node:
    """Return RViz with its displays turned to the first camera."""
    if not cameras:
        raise ConfigError("rviz:=true: which camera to show is not known; name the cameras by camera:=")
    camera = cameras[0]
    outputs = ("image_dehazed", "segmentation/overlay")
    own = _answers(cameras, [dehazer])[0]
    return Node(
        "rviz2",
        name="rviz2",
        package="rviz2",
        parameters={"use_sim_time": values["use_sim_time"] == "true"},
        remappings=(
            ("/image_raw", camera.topic),
            *((f"/dehaze_node/{output}", f"{own}/{output}") for output in outputs),
        ),
        options=("-d", str(share_file("config/rviz/dfs.rviz"))),
        log_level=values["log_level"],
    )


def _viewer(cameras: Sequence[Camera], dehazers: Sequence[Node], values: Mapping[str, str]) -> Node:
    """Return the page's node; it is not required, as nobody stops seeing when a page cannot be served."""
    if not cameras:
        raise ConfigError("viewer:=true: which cameras to show is not known; name them by camera:=")
    return Node(
        "viewer",
        name="viewer",
        parameters={
            "images": [
                camera.compressed_topic if camera.transport == COMPRESSED else camera.topic for camera in cameras
            ],
            "answers": _answers(cameras, dehazers),
            "host": values["viewer_host"],
            "port": _port(values["viewer_port"]),
        },
        log_level=values["log_level"],
    )


def _answers(cameras: Sequence[Camera], dehazers: Sequence[Node]) -> list[str]:
    """Return what the answers to each camera lie below; several cameras may have one node."""
    roots = [f"{node.namespace.rstrip('/')}/{node.name}" if node.namespace else node.name for node in dehazers]
    if "cameras" in dehazers[0].parameters:
        return [f"{roots[0]}/{name}" for name in camera_names(cameras)]
    return roots[: len(cameras)]


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ConfigError(f"viewer_port:={text}: must be a whole number from 0 to 65535")
    return int(text)


def _bag_player(values: Mapping[str, str]) -> Node:
    return Node(
        "bag_player",
        name="bag_player",
        parameters={
            "bag": str(Path(values["bag"]).expanduser().absolute()),
            "rate": _number(values, "rate", above=0.0),
            "start_offset": _number(values, "start_offset"),
            "loop": values["loop"] == "true",
            "restamp": values["restamp"] == "true",
            "clock": values["use_sim_time"] == "true",
            "wait_for_subscribers": LOADING_S,
        },
        required=values["keep_running"] == "false",
        log_level=values["log_level"],
    )


def _file(values: Mapping[str, str], name: str) -> Path | None:
    """Return the absolute path of a file that must be there, None if none is named."""
    if not values[name]:
        return None
    path = Path(values[name]).expanduser().absolute()
    if not path.is_file():
        raise ConfigError(f"{name}:={values[name]}: no such file; give the path of one, or leave {name} out")
    return path


def _number(values: Mapping[str, str], name: str, *, above: float | None = None) -> float:
    """Return a number: greater than `above`, or at least 0 if that is not given."""
    limit = f"greater than {above}" if above is not None else "at least 0"
    try:
        number = float(values[name])
    except ValueError as error:
        raise ConfigError(f"{name}:={values[name]}: must be a number {limit}") from error
    if not math.isfinite(number) or number < 0.0 or (above is not None and number <= above):
        raise ConfigError(f"{name}:={values[name]}: must be a number {limit}")
    return number
