"""The pipeline as plain data: the nodes that its arguments ask for; the launch file and `dfs up` both start them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dfs_core.errors import ConfigError
from dfs_ros import params_file, pipeline_arguments
from dfs_ros.camera import COMPRESSED, RAW, Camera, bag_camera_topics, bag_topic_types, camera_names, only_camera_topic
from dfs_ros.share import share_file

Parameter = bool | float | str | list[str]

LOADING_S = 20.0
"""How long the player waits for the dehaze node to load its model and listen."""


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


def pipeline(arguments: Mapping[str, str]) -> list[Node]:
    """Return the nodes that the arguments ask for; the player comes last, so that what listens to it starts first.

    Args:
        arguments: values by name; what is not given has its default.

    Raises:
        ConfigError: an argument has no such name or value, or two cameras are one.
        BagError: the bag cannot be read, or does not tell which camera is meant.
    """
    values = pipeline_arguments.complete(arguments)
    cameras = _cameras(values)
    if len(set(cameras)) < len(cameras):
        raise ConfigError(f"camera:={values['camera']}: names a camera twice; give each image topic once")
    nodes = [_batch_node(cameras, values)] if values["batch"] == "true" else _dehaze_nodes(cameras, values)
    shown = _shown(cameras, nodes) if "true" in {values["rviz"], values["viewer"]} else []
    if values["rviz"] == "true":
        nodes.append(_rviz(*shown[0], values))
    if values["viewer"] == "true":
        nodes.append(_viewer(shown, values))
    if values["bag"]:
        nodes.append(_bag_player(values))
    return nodes


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
    model = pipeline_arguments.file(values, "model")
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
        params_file=pipeline_arguments.file(values, "params_file") or share_file("config/dehaze.yaml"),
        remappings=remappings,
        lifecycle=True,
        required=is_only and not respawn,
        respawn=respawn,
        log_level=values["log_level"],
    )


def _rviz(camera: Camera, answers: str, values: Mapping[str, str]) -> Node:
    """Return RViz with its displays turned to one camera."""
    outputs = ("image_dehazed", "segmentation/overlay")
    return Node(
        "rviz2",
        name="rviz2",
        package="rviz2",
        parameters={"use_sim_time": values["use_sim_time"] == "true"},
        remappings=(
            ("/image_raw", camera.topic),
            *((f"/dehaze_node/{output}", f"{answers}/{output}") for output in outputs),
        ),
        options=("-d", str(share_file("config/rviz/dfs.rviz"))),
        log_level=values["log_level"],
    )


def _viewer(shown: Sequence[tuple[Camera, str]], values: Mapping[str, str]) -> Node:
    """Return the page's node; it is not required, as nobody stops seeing when a page cannot be served."""
    return Node(
        "viewer",
        name="viewer",
        parameters={
            "images": [
                camera.compressed_topic if camera.transport == COMPRESSED else camera.topic for camera, _ in shown
            ],
            "answers": [answers for _, answers in shown],
            "host": values["viewer_host"],
            "port": pipeline_arguments.port(values["viewer_port"]),
        },
        respawn=values["respawn"] == "true",
        log_level=values["log_level"],
    )


def _shown(cameras: Sequence[Camera], dehazers: Sequence[Node]) -> list[tuple[Camera, str]]:
    """Return each camera, and what the answers to it lie below; several cameras may have one node."""
    roots = [f"{node.namespace.rstrip('/')}/{node.name}" if node.namespace else node.name for node in dehazers]
    if not cameras:
        return [
            (camera, f"{roots[0]}/{name}".rstrip("/")) for name, camera in _cameras_of_params_file(dehazers[0]).items()
        ]
    if "cameras" in dehazers[0].parameters:
        roots = [f"{roots[0]}/{name}" for name in camera_names(cameras)]
    return list(zip(cameras, roots, strict=True))


def _cameras_of_params_file(dehazer: Node) -> dict[str, Camera]:
    """Return the cameras that a node's file has it serve, by name; the name of a node's only camera is empty."""
    file = dehazer.params_file
    said = params_file.parameters_of(f"/{dehazer.name}", file) if file is not None else {}
    given = {**said, **dehazer.parameters}
    names = given.get("cameras", [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f"{file}: cameras must be a list of names such as [front, left], not {names!r}; without it, say by "
            "camera:=/front/image_raw,/left/image_raw which cameras to show"
        )
    transport = str(given.get("image_transport", RAW))
    return {
        name: Camera.of_topic(f"{name}/image_raw".lstrip("/"), transport=transport)
        for name in list(filter(None, names)) or [""]
    }


def _bag_player(values: Mapping[str, str]) -> Node:
    return Node(
        "bag_player",
        name="bag_player",
        parameters={
            "bag": str(Path(values["bag"]).expanduser().absolute()),
            "rate": pipeline_arguments.number(values, "rate", above=0.0),
            "start_offset": pipeline_arguments.number(values, "start_offset"),
            "loop": values["loop"] == "true",
            "restamp": values["restamp"] == "true",
            "clock": values["use_sim_time"] == "true",
            "wait_for_subscribers": LOADING_S,
        },
        required=values["keep_running"] == "false",
        log_level=values["log_level"],
    )
