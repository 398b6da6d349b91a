"""The pipeline as plain data."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from dfs_core.errors import BagError, ConfigError
from dfs_ros import graph, pipeline_arguments
from dfs_ros.camera import Camera, camera_names, only_camera_topic
from dfs_ros.dehaze_parameters import DehazeParameters

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"


@pytest.fixture
def params_file(tmp_path: Path) -> Path:
    file = tmp_path / "dehaze.yaml"
    file.write_text("/**:\n  ros__parameters: {}\n")
    return file


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model.onnx"
    file.touch()
    return file


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """A bag with compressed images of one camera, its calibration, and a depth picture that is none."""
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    types = get_typestore(Stores.ROS2_JAZZY)
    path = tmp_path / "drive"
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for name, kind in (
            ("/front/image_raw/compressed", COMPRESSED),
            ("/front/depth/compressedDepth", COMPRESSED),
            ("/front/camera_info", "sensor_msgs/msg/CameraInfo"),
        ):
            writer.write(writer.add_connection(name, kind, typestore=types), 1, b"\x00\x01\x00\x00")
    return path


def start(file: Path, **arguments: str) -> list[graph.Node]:
    return graph.pipeline({"params_file": str(file)} | arguments)


def test_a_live_camera_needs_one_lifecycle_node_and_no_remapping(params_file: Path) -> None:
    (node,) = start(params_file)
    assert (node.package, node.executable, node.name, node.namespace) == ("dfs_ros", "dehaze_node", "dehaze_node", "")
    assert node.lifecycle
    assert node.required
    assert node.remappings == ()
    assert node.params_file == params_file
    assert dict(node.parameters) == {"image_transport": "raw", "use_sim_time": False}


def test_what_is_chosen_is_passed_on_and_wins_over_the_file(params_file: Path, model: Path) -> None:
    (node,) = start(
        params_file, model=str(model), backend="openvino", precision="auto", log_level="debug", use_sim_time="true"
    )
    assert dict(node.parameters) == {
        "model": str(model),
        "backend": "openvino",
        "precision": "auto",
        "image_transport": "raw",
        "use_sim_time": True,
    }
    assert node.log_level == "debug"


def test_every_parameter_passed_to_the_dehaze_node_is_one_that_it_declares(params_file: Path, model: Path) -> None:
    (node,) = start(params_file, model=str(model), backend="auto", precision="fp32")
    assert set(node.parameters) - {"use_sim_time"} <= set(DehazeParameters.__dataclass_fields__)


def test_every_parameter_passed_to_the_player_is_one_that_it_declares(params_file: Path, bag: Path) -> None:
    player = pytest.importorskip("dfs_ros.bag_player", reason="needs rclpy")
    node = start(params_file, bag=str(bag))[-1]
    assert set(node.parameters) <= set(player.PlayerParameters.__dataclass_fields__)


def test_several_cameras_have_a_node_each_in_their_own_namespace(params_file: Path) -> None:
    nodes = start(params_file, camera="/front/image_raw, /rear/color/image_rect/compressed")
    assert [(node.namespace, node.name) for node in nodes] == [
        ("/front", "dehaze_node"),
        ("/rear/color", "dehaze_node"),
    ]
    assert [node.parameters["image_transport"] for node in nodes] == ["raw", "compressed"]
    assert nodes[0].remappings == ()
    assert nodes[1].remappings == (("image_raw", "image_rect"), ("image_raw/compressed", "image_rect/compressed"))
    assert not any(node.required for node in nodes), "one camera's failure must not stop the others"


def test_two_cameras_of_one_namespace_are_told_apart_by_name(params_file: Path) -> None:
    nodes = start(params_file, camera="/stereo/left,/stereo/right")
    assert [(node.namespace, node.name) for node in nodes] == [("/stereo", "dehaze_left"), ("/stereo", "dehaze_right")]


def test_a_batch_is_one_node_for_all_cameras(params_file: Path) -> None:
    (node,) = start(params_file, camera="/front/image_raw, /rear/color/image_rect", batch="true")
    assert (node.namespace, node.name, node.required) == ("", "dehaze_node", True)
    assert node.parameters["cameras"] == ["front", "rear_color"]
    assert node.parameters["image_transport"] == "raw"
    assert dict(node.remappings) == {
        "front/image_raw": "/front/image_raw",
        "front/image_raw/compressed": "/front/image_raw/compressed",
        "front/camera_info": "/front/camera_info",
        "rear_color/image_raw": "/rear/color/image_rect",
        "rear_color/image_raw/compressed": "/rear/color/image_rect/compressed",
        "rear_color/camera_info": "/rear/color/camera_info",
    }
    assert DehazeParameters(cameras=tuple(node.parameters["cameras"])).cameras == ("front", "rear_color")


def test_cameras_of_a_batch_are_told_apart_by_what_differs() -> None:
    cameras = [Camera.of_topic(name) for name in ("/stereo/left", "/stereo/right", "image_raw", "top/image_raw")]
    assert camera_names(cameras) == ["stereo_left", "stereo_right", "image_raw", "top"]


def test_a_batch_without_cameras_takes_those_that_the_parameters_name() -> None:
    surround = Path(__file__).parents[2] / "config" / "surround.yaml"
    (node,) = graph.pipeline({"batch": "true", "params_file": str(surround)})
    assert "cameras" not in node.parameters
    assert node.remappings == ()
    shown = yaml.safe_load(surround.read_text())["/**"]["ros__parameters"]
    assert DehazeParameters(**shown | {"cameras": tuple(shown["cameras"])}).cameras[0] == "front"
    _, rviz, viewer = graph.pipeline({"batch": "true", "params_file": str(surround), "rviz": "true", "viewer": "true"})
    assert rviz.remappings[0] == ("/image_raw", "front/image_raw")
    assert ("/dehaze_node/image_dehazed", "dehaze_node/front/image_dehazed") in rviz.remappings
    assert viewer.parameters["images"] == [f"{name}/image_raw" for name in ("front", "left", "right", "rear")]
    assert viewer.parameters["answers"] == [f"dehaze_node/{name}" for name in ("front", "left", "right", "rear")]


@pytest.mark.parametrize(
    ("lines", "arguments", "images", "answers"),
    [
        ("cameras: [stereo/left, rear]", {}, ["stereo/left/image_raw", "rear/image_raw"], ["stereo/left", "rear"]),
        ("cameras: rear\n    image_transport: compressed", {}, ["rear/image_raw/compressed"], ["rear"]),
        ("cameras: [rear]", {"image_transport": "compressed"}, ["rear/image_raw/compressed"], ["rear"]),
        ('cameras: [""]', {}, ["image_raw"], [""]),
        ("backend: auto", {}, ["image_raw"], [""]),
    ],
)
def test_the_viewer_shows_the_cameras_that_the_parameters_name(
    params_file: Path, lines: str, arguments: dict[str, str], images: list[str], answers: list[str]
) -> None:
    params_file.write_text(f"/**:\n  ros__parameters:\n    {lines}\n")
    viewer = start(params_file, batch="true", viewer="true", **arguments)[-1]
    assert viewer.parameters["images"] == images
    assert viewer.parameters["answers"] == [f"dehaze_node/{name}".rstrip("/") for name in answers]


def test_cameras_that_are_no_names_are_refused_with_what_to_do(params_file: Path) -> None:
    params_file.write_text("/**:\n  ros__parameters:\n    cameras: {front: 1}\n")
    with pytest.raises(ConfigError, match=r"cameras must be a list of names such as \[front, left\].*camera:=/front"):
        start(params_file, batch="true", viewer="true")


def test_a_batch_takes_raw_or_compressed_images_not_both(params_file: Path) -> None:
    cameras = "/front/image_raw,/rear/image_raw/compressed"
    with pytest.raises(ConfigError, match=r"not both: /front/image_raw \(raw\), /rear/image_raw \(compressed\)"):
        start(params_file, camera=cameras, batch="true")
    (node,) = start(params_file, camera=cameras, batch="true", image_transport="compressed")
    assert node.parameters["image_transport"] == "compressed"


def test_rviz_shows_the_first_camera_of_a_batch(params_file: Path) -> None:
    rviz = start(params_file, camera="/front/image_raw,/rear/image_raw", batch="true", rviz="true")[-1]
    assert ("/dehaze_node/image_dehazed", "dehaze_node/front/image_dehazed") in rviz.remappings


def test_a_node_that_is_started_again_does_not_end_the_pipeline(params_file: Path) -> None:
    for node in start(params_file, respawn="true", viewer="true"):
        assert (node.respawn, node.required) == (True, False)
    assert not any(node.respawn for node in start(params_file, viewer="true"))


@pytest.mark.parametrize(
    ("topic", "types", "expected"),
    [
        ("image_raw", {}, ("", "raw", ())),
        ("/image_raw", {}, ("/", "raw", ())),
        ("cam/image_raw/compressed", {}, ("cam", "compressed", ())),
        ("/cam/image_raw", {"/cam/image_raw/compressed": COMPRESSED}, ("/cam", "compressed", ())),
        ("/cam/image_raw", {"/cam/image_raw/compressed": COMPRESSED, "/cam/image_raw": IMAGE}, ("/cam", "raw", ())),
        (
            "/cam/jpeg",
            {"/cam/jpeg": COMPRESSED},
            ("/cam", "compressed", (("image_raw", "jpeg"), ("image_raw/compressed", "jpeg"))),
        ),
    ],
)
def test_a_topic_tells_namespace_transport_and_remappings(
    topic: str, types: Mapping[str, str], expected: tuple[str, str, tuple[tuple[str, str], ...]]
) -> None:
    camera = Camera.of_topic(topic, types=types)
    assert (camera.namespace, camera.transport, camera.remappings) == expected


@pytest.mark.parametrize("topic", ["", "/", "/front/", "front image"])
def test_what_cannot_be_a_topic_is_refused(topic: str) -> None:
    with pytest.raises(ConfigError, match="not the name of a topic"):
        Camera.of_topic(topic)


def test_a_bag_names_its_camera_and_is_played_last(params_file: Path, bag: Path) -> None:
    dehazer, player = start(params_file, bag=str(bag), rate="0.5", start_offset="2", loop="true", use_sim_time="true")
    assert (dehazer.namespace, dehazer.parameters["image_transport"]) == ("/front", "compressed")
    assert player.executable == "bag_player"
    assert player.parameters["bag"] == str(bag)
    assert (player.parameters["rate"], player.parameters["start_offset"]) == (0.5, 2.0)
    assert (player.parameters["loop"], player.parameters["clock"]) == (True, True)
    assert player.required
    assert not start(params_file, bag=str(bag), keep_running="true")[-1].required


def test_a_bag_of_several_cameras_asks_which_one() -> None:
    types = {
        "/a/image_raw": IMAGE,
        "/a/image_raw/compressed": COMPRESSED,
        "/b/image_raw": IMAGE,
        "/tf": "tf2_msgs/msg/TF",
    }
    with pytest.raises(BagError, match=r"choose with camera:=, from /a/image_raw, /b/image_raw$"):
        only_camera_topic(types, source="drive")


def test_a_bag_without_images_says_what_it_holds() -> None:
    with pytest.raises(BagError, match=r"drive: no sensor_msgs/Image .*: /tf \(tf2_msgs/msg/TFMessage\)"):
        only_camera_topic({"/tf": "tf2_msgs/msg/TFMessage"}, source="drive")


def test_a_missing_bag_is_refused(params_file: Path, tmp_path: Path) -> None:
    with pytest.raises(BagError, match="no such bag"):
        start(params_file, bag=str(tmp_path / "none"))


def test_rviz_shows_the_first_camera(params_file: Path) -> None:
    rviz = start(params_file, camera="/front/image,/rear/image", rviz="true")[-1]
    assert (rviz.package, rviz.executable) == ("rviz2", "rviz2")
    assert rviz.options[0] == "-d"
    shown = Path(rviz.options[1]).read_text()
    for old, new in rviz.remappings:
        assert f"Value: {old}\n" in shown
        assert new.startswith("/front/")
    assert len(rviz.remappings) == shown.count("Value: /")


def test_the_viewer_shows_every_camera_as_the_node_hears_it(params_file: Path) -> None:
    *_, viewer = start(params_file, camera="/front/image,/rear/image/compressed", viewer="true", viewer_port="0")
    assert (viewer.executable, viewer.required) == ("viewer", False)
    assert dict(viewer.parameters) == {
        "images": ["/front/image", "/rear/image/compressed"],
        "answers": ["/front/dehaze_node", "/rear/dehaze_node"],
        "host": "127.0.0.1",
        "port": 0,
    }
    *_, viewer = start(params_file, camera="/front/image,/rear/image", batch="true", viewer="true")
    assert viewer.parameters["answers"] == ["dehaze_node/front", "dehaze_node/rear"]
    *_, viewer = start(params_file, viewer="true")
    assert (viewer.parameters["images"], viewer.parameters["answers"]) == (["image_raw"], ["dehaze_node"])


def test_every_parameter_passed_to_the_viewer_is_one_that_it_declares(params_file: Path) -> None:
    viewer = pytest.importorskip("dfs_ros.viewer", reason="needs rclpy")
    assert set(start(params_file, viewer="true")[-1].parameters) == set(viewer.ViewerParameters.__dataclass_fields__)


def test_every_argument_is_described_and_accepts_its_own_default() -> None:
    assert pipeline_arguments.complete({}) == {
        argument.name: argument.default for argument in pipeline_arguments.ARGUMENTS
    }
    for argument in pipeline_arguments.ARGUMENTS:
        assert argument.description.endswith(".")
        assert not argument.accepted or argument.default in argument.accepted


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"bakend": "auto"}, "no argument is called 'bakend'; did you mean 'backend'?"),
        ({"cam": "/a"}, "no argument is called 'cam'; did you mean 'camera'?"),
        ({"backend": "cuda"}, "backend:=cuda: must be one of auto, "),
        ({"viewer": "true", "viewer_port": "http"}, "viewer_port:=http: must be a whole number from 0 to 65535"),
        ({"rviz": "yes"}, "rviz:=yes: must be one of true, false"),
        ({"camera": "/a/image,/a/image"}, "names a camera twice"),
        ({"params_file": "none.yaml"}, "params_file:=none.yaml: no such file"),
        ({"model": "none.onnx"}, "model:=none.onnx: no such file"),
    ],
)
def test_a_wrong_argument_is_refused_in_words(params_file: Path, arguments: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        start(params_file, **arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("rate", "0"), ("rate", "fast"), ("rate", "nan"), ("start_offset", "-1")])
def test_a_number_out_of_range_is_refused(params_file: Path, bag: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}:={value}: must be a number"):
        start(params_file, bag=str(bag), **{name: value})
