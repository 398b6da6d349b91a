"""The fog node as a process: clear images in, and out of it what Koschmieder's law says, pixel by pixel."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: a ROS 2 installation, or the wheels of the extra [ros]")

from builtin_interfaces.msg import Time
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from dfs_ros.image_message import decode, from_array, to_array, to_compressed

HEIGHT, WIDTH = 30, 40
CLEAR = np.full((HEIGHT, WIDTH, 3), (40, 80, 120), np.uint8)
FOCAL, CENTER_X, CENTER_Y = 20.0, 19.5, 14.5
CAMERA_HEIGHT = 1.5
LIGHT = np.array([0.9, 0.8, 0.7])


@pytest.fixture
def start(graph: Any) -> Iterator[Callable[..., Any]]:
    """Return what starts a fog node with known parameters; afterwards each has to end cleanly."""
    fixed = [f"camera_height:={CAMERA_HEIGHT}", "attenuation:=0.05", f"airlight:={LIGHT.tolist()}"]

    def begin(*parameters: str) -> Any:
        return graph.start("dfs_ros.fog_node", *(word for entry in [*fixed, *parameters] for word in ("-p", entry)))

    yield begin
    assert [process.stop() for process in graph.processes] == [0] * len(graph.processes)


def header(nanoseconds: int = 17) -> Header:
    return Header(stamp=Time(sec=3, nanosec=nanoseconds), frame_id="front")


def calibration(**changes: Any) -> CameraInfo:
    k = [FOCAL, 0.0, CENTER_X, 0.0, FOCAL, CENTER_Y, 0.0, 0.0, 1.0]
    values = {"header": header(), "height": HEIGHT, "width": WIDTH, "distortion_model": "plumb_bob", "k": k}
    return CameraInfo(**{**values, **changes})


def rays() -> tuple[np.ndarray, np.ndarray]:
    """Return x / z and y / z of each pixel."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    return (x - CENTER_X) / FOCAL, (y - CENTER_Y) / FOCAL


def ground() -> np.ndarray:
    """Return the metres along each ray to the ground, infinity above the horizon."""
    x, y = rays()
    with np.errstate(divide="ignore"):
        return np.where(y > 0, CAMERA_HEIGHT / y * np.sqrt(x * x + y * y + 1), math.inf)


def foggy(length: np.ndarray, attenuation: float = 0.05) -> np.ndarray:
    share = np.exp(-attenuation * length)[..., None]
    return 255.0 * (CLEAR / 255.0 * share + LIGHT * (1.0 - share))


def send(graph: Any, messages: dict[str, Any], condition: Callable[[], Any], what: str) -> Any:
    """Publish messages of several topics, in turn, until a condition holds."""
    publishers = [
        (graph.node.create_publisher(type(message), topic, 1), message) for topic, message in messages.items()
    ]
    graph.wait(lambda: all(publisher.get_subscription_count() for publisher, _ in publishers), "the node listens")
    (first, message), *others = publishers

    def holds() -> Any:
        for publisher, other in others:
            publisher.publish(other)
        return condition()

    return graph.send_until(first, message, holds, what)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_flat_ground_lies_in_fog_by_its_distance_and_the_sky_is_airlight(
    graph: Any, start: Callable[..., Any], encoding: str
) -> None:
    start()
    answers = graph.listen(Image, "/fog_node/image_foggy")
    infos = graph.listen(CameraInfo, "/fog_node/camera_info")
    image = from_array(CLEAR, header(), encoding, Image)
    send(
        graph, {"/camera_info": calibration(header=header(1)), "/image_raw": image}, lambda: answers and infos, "answer"
    )
    assert answers[0].header == infos[0].header == header()
    assert answers[0].encoding == encoding
    np.testing.assert_allclose(to_array(answers[0]), foggy(ground()), atol=0.51)


@pytest.mark.parametrize("interval_ms", [0, 20])
def test_a_depth_image_gives_ranges_along_the_rays_not_along_the_axis(
    graph: Any, start: Callable[..., Any], interval_ms: int
) -> None:
    start("geometry:=depth", f"max_interval_ms:={float(interval_ms)}")
    answers = graph.listen(Image, "/fog_node/image_foggy")
    millimetres = np.full((HEIGHT, WIDTH), 12_000, np.uint16)
    millimetres[:5] = 0  # unknown: sky
    depth = Image(
        header=header(17 + interval_ms * 1_000_000), height=HEIGHT, width=WIDTH, encoding="16UC1", step=2 * WIDTH
    )
    depth.data.frombytes(millimetres.tobytes())
    image = from_array(CLEAR, header(), "rgb8", Image)
    send(graph, {"/camera_info": calibration(), "/image_raw": image, "/depth": depth}, lambda: answers, "answer")
    x, y = rays()
    length = 12.0 * np.sqrt(x * x + y * y + 1)
    length[:5] = math.inf
    np.testing.assert_allclose(to_array(answers[0]), foggy(length), atol=0.51)


def test_compressed_images_come_and_go_and_fog_thickens_while_it_runs(graph: Any, start: Callable[..., Any]) -> None:
    start("image_transport:=compressed")
    answers = graph.listen(CompressedImage, "/fog_node/image_foggy/compressed")
    image = to_compressed(CLEAR, header(), CompressedImage, 100)
    topics = {"/camera_info": calibration(), "/image_raw/compressed": image}
    send(graph, topics, lambda: answers, "answer")
    np.testing.assert_allclose(decode(answers[0]), foggy(ground()), atol=20)  # JPEG blurs the horizon
    value = ParameterValue(type=3, double_value=10.0)
    request = SetParameters.Request(parameters=[Parameter(name="attenuation", value=value)])
    (result,) = graph.call(SetParameters, "/fog_node/set_parameters", request).results
    assert result.successful
    send(
        graph,
        topics,
        lambda: np.abs(decode(answers[-1]) - 255.0 * LIGHT).max() < 4,
        "fog that hides all",
    )


@pytest.mark.parametrize(
    ("topics", "words"),
    [
        ({"/image_raw": from_array(CLEAR, header(), "rgb8", Image)}, "no camera_info has come yet"),
        (
            {"/camera_info": CameraInfo(header=header(), height=HEIGHT, width=WIDTH),
             "/image_raw": from_array(CLEAR, header(), "rgb8", Image)},
            "the camera is not calibrated",
        ),
        ({"/image_raw": Image(header=header(), height=3, width=3, encoding="rgb8", step=1)}, "step 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_in_words_and_the_next_good_frame_flows(
    graph: Any, start: Callable[..., Any], topics: dict[str, Any], words: str
) -> None:
    process = start()
    answers = graph.listen(Image, "/fog_node/image_foggy")
    if words == "step 1":
        topics = {"/camera_info": calibration(), **topics}
    send(graph, topics, lambda: words in process.output, f"a refusal that says '{words}'")
    assert not answers
    image = from_array(CLEAR, header(), "rgb8", Image)
    send(graph, {"/camera_info": calibration(), "/image_raw": image}, lambda: answers, "answer")


def test_no_fog_is_made_for_those_who_want_the_calibration_only(graph: Any, start: Callable[..., Any]) -> None:
    process = start()
    infos = graph.listen(CameraInfo, "/fog_node/camera_info")
    unreadable = Image(header=header(), height=3, width=3, encoding="rgb8", step=1)
    send(graph, {"/camera_info": calibration(header=header(1)), "/image_raw": unreadable}, lambda: infos, "calibration")
    assert infos[0] == calibration()
    assert "step 1" not in process.output


def test_it_listens_only_while_somebody_listens_to_it(graph: Any, start: Callable[..., Any]) -> None:
    start()
    publisher = graph.node.create_publisher(Image, "/image_raw", 1)
    graph.wait(lambda: graph.node.count_publishers("/fog_node/image_foggy"), "the node")
    assert publisher.get_subscription_count() == 0
    subscription = graph.node.create_subscription(Image, "/fog_node/image_foggy", lambda _: None, 1)
    graph.wait(publisher.get_subscription_count, "it listens")
    graph.node.destroy_subscription(subscription)
    graph.wait(lambda: not publisher.get_subscription_count(), "it ceases to listen")
