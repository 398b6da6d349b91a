"""`dfs fog-bag`: put fog into clear road video and write it as a camera's bag, such as the one that the demo plays."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from dfs_core import optics
from dfs_core.data.depth import Camera, from_labels
from dfs_core.data.fog import Fog, apply_fog
from dfs_core.errors import DatasetError

if TYPE_CHECKING:
    from dfs_core.runtime import Dehazer

Image = NDArray[np.uint8]

FIRST_STAMP_NS = 1_767_225_600_000_000_000
"""Stamp of the first frame, 2026-01-01 0:00 UTC: a video has none of its own, and the bag shall be repeatable."""

STEADINESS = 0.7
"""Share of a pixel's nearness that is kept from frame to frame: masks flicker, the road does not."""


def fog_bag(
    video: Annotated[Path, typer.Argument(help="Clear road video that OpenCV can read.")],
    bag: Annotated[Path, typer.Argument(help="Bag to write: a folder, or a file ending in .mcap or .db3.")],
    mor: Annotated[
        tuple[float, float], typer.Option(help="Visibility (MOR) in metres at the first and at the last frame.")
    ] = (250.0, 70.0),
    frames: Annotated[int, typer.Option(help="How many frames at most.", min=1)] = 150,
    start: Annotated[int, typer.Option(help="Frame to begin with.", min=0)] = 0,
    horizon: Annotated[float, typer.Option(help="Row of the horizon as a share of the height, 0 at the top.")] = 0.5,
    focal: Annotated[float, typer.Option(help="Focal length as a share of the width.")] = 0.87,
    camera_height: Annotated[float, typer.Option(help="Metres from the road to the camera.")] = 1.4,
    quality: Annotated[int, typer.Option(help="JPEG quality of the camera.", min=1, max=100)] = 80,
    topic: Annotated[str, typer.Option(help="Namespace of the camera's topics.")] = "/camera",
    model: Annotated[
        Path | None, typer.Option(help="DFS model whose masks give the geometry; shipped if none.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the sensor's noise.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the bag if it exists.")] = False,
) -> None:
    """Write a foggy camera bag: CompressedImage and CameraInfo, made from clear video by Koschmieder's model."""
    from rich.progress import track
    from rosbags.typesys import Stores, get_typestore

    from dfs_core.runtime import load
    from dfs_ros.bag_writer import BagWriter
    from dfs_ros.image_message import to_compressed

    types = get_typestore(Stores.ROS2_JAZZY)
    namespace = topic.rstrip("/")
    image_topic, info_topic = f"{namespace}/image_raw/compressed", f"{namespace}/camera_info"
    geometry = Camera(focal=focal, height_m=camera_height, horizon=horizon)
    rate, count = measure(video, start, frames)
    lightest, densest = (optics.attenuation_from_mor(value) for value in mor)
    attenuations = np.geomspace(lightest, densest, count)
    rng = np.random.default_rng(seed)
    compressed = types.types["sensor_msgs/msg/CompressedImage"]
    with BagWriter(bag, storage="mcap", overwrite=overwrite) as writer, load(model) as dehazer:
        writer.add_topic(image_topic, "sensor_msgs/msg/CompressedImage", types)
        writer.add_topic(info_topic, "sensor_msgs/msg/CameraInfo", types)
        clear = scenes(read(video, start, count), dehazer, geometry)
        for number, (image, ray_length) in enumerate(track(clear, total=count, description="fogging")):
            fog = Fog(float(attenuations[number]), airlight=(0.80, 0.81, 0.82), noise=0.004)
            hazy = apply_fog(image, ray_length, fog, rng).hazy
            stamp_ns = FIRST_STAMP_NS + round(number * 1e9 / rate)
            header = _header(types, stamp_ns)
            message = to_compressed(hazy, header, compressed, quality)
            writer.write(image_topic, stamp_ns, types.serialize_cdr(message, "sensor_msgs/msg/CompressedImage"))
            info = _camera_info(types, header, image.shape[0], image.shape[1], geometry)
            writer.write(info_topic, stamp_ns, types.serialize_cdr(info, "sensor_msgs/msg/CameraInfo"))


def measure(video: Path, start: int, frames: int) -> tuple[float, int]:
    """Return the rate of a video in 1/s and how many frames to take from it.

    Raises:
        DatasetError: OpenCV cannot read it, or it has not so many frames.
    """
    capture = cv2.VideoCapture(str(video))
    rate, total = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    if not (rate > 0 and total > start):
        raise DatasetError(
            f"{video}: {max(total, 0)} frames at {rate:g} per second can be read, but frame {start} and a rate are "
            "needed; give a video file that OpenCV can read"
        )
    return rate, min(frames, total - start)


def read(video: Path, start: int, count: int) -> Iterator[Image]:
    """Yield that many frames of a video, RGB uint8 [H, W, 3], from a frame on.

    Raises:
        DatasetError: it ends before.
    """
    capture = cv2.VideoCapture(str(video))
    try:
        for number in range(start + count):
            ok, frame = capture.read()
            if not ok:
                raise DatasetError(f"{video}: cut off at frame {number}; ask for fewer --frames")
            if number >= start:
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    finally:
        capture.release()


def scenes(images: Iterator[Image], dehazer: "Dehazer", camera: Camera) -> Iterator[tuple[Image, NDArray[np.float32]]]:
    """Yield each image with its ray length in metres, [H, W], guessed from its mask and steadied over time.

    Raises:
        DatasetError: the model gives no mask.
    """
    steady: NDArray[np.float32] | None = None
    for image in images:
        height, width = image.shape[:2]
        mask = dehazer(image[None], dehaze=False).mask
        if mask is None:
            raise DatasetError(f"model '{dehazer.artifact.name}' gives no mask, so the road's geometry is not known")
        labels = cv2.resize(mask[0], (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        nearness = 1.0 / from_labels(labels, image, dehazer.artifact.labels, camera)
        steady = nearness if steady is None else STEADINESS * steady + (1.0 - STEADINESS) * nearness
        with np.errstate(divide="ignore"):
            depth = np.where(steady > 1e-4, 1.0 / steady, np.float32(math.inf)).astype(np.float32)
        yield image, optics.ray_length(depth, focal_px=camera.focal * width)


def _header(types: object, stamp_ns: int) -> object:
    known = types.types  # type: ignore[attr-defined]
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    stamp = known["builtin_interfaces/msg/Time"](sec=seconds, nanosec=nanoseconds)
    return known["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")


def _camera_info(types: object, header: object, height: int, width: int, camera: Camera) -> object:
    """Return the intrinsics that the fog was made with: a pinhole without distortion."""
    known = types.types  # type: ignore[attr-defined]
    focal, center_x, center_y = camera.focal * width, (width - 1) / 2, (height - 1) / 2
    matrix = [focal, 0, center_x, 0, focal, center_y, 0, 0, 1]
    projection = [focal, 0, center_x, 0, 0, focal, center_y, 0, 0, 0, 1, 0]
    region = known["sensor_msgs/msg/RegionOfInterest"](x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return known["sensor_msgs/msg/CameraInfo"](
        header=header,
        height=height,
        width=width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=np.array(matrix, np.float64),
        r=np.eye(3).ravel(),
        p=np.array(projection, np.float64),
        binning_x=0,
        binning_y=0,
        roi=region,
    )
