"""The dehaze node's answers: which of them anybody wants, and how they are made and published."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float32, Header, String

from dfs_core.labels import LabelSet
from dfs_core.optics import mor_from_attenuation
from dfs_core.palettes import in_palette
from dfs_ros import camera_info, label_info, qos, rendering
from dfs_ros.answer import Answer, Wishes
from dfs_ros.dehaze_parameters import NETWORK, DehazeParameters
from dfs_ros.image_message import from_array, room, to_compressed, to_png
from dfs_ros.statistics import Stopwatch

Pixels = NDArray[np.uint8]
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_Message = tuple[LifecyclePublisher, Callable[[], Any]]


class Outputs:
    """The publishers of a dehaze node. What has no subscriber is neither made nor sent."""

    def __init__(
        self,
        node: LifecycleNode,
        labels: LabelSet,
        *,
        root: str = "~",
        on_demand_changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Create the publishers.

        Args:
            node: whose they are.
            labels: say what the ids in a mask mean.
            root: what their topics lie below, such as "~/front".
            on_demand_changed: called, by the executor, when a subscription to what comes of frames has come or gone.
        """
        self._node = node
        self._labels = labels
        self._on_demand_changed = on_demand_changed
        self._publishers: list[LifecyclePublisher] = []
        self._spare: dict[LifecyclePublisher, Image] = {}
        self._dehazed = self._publisher(Image, f"{root}/image_dehazed")
        self._compressed = self._publisher(CompressedImage, f"{root}/image_dehazed/compressed")
        self._camera_info = self._publisher(CameraInfo, f"{root}/camera_info")
        self._mask = self._publisher(Image, f"{root}/segmentation/mask")
        self._mask_png = self._publisher(CompressedImage, f"{root}/segmentation/mask/compressed")
        self._color = self._publisher(Image, f"{root}/segmentation/color")
        self._overlay = self._publisher(Image, f"{root}/segmentation/overlay")
        self._mask_camera_info = self._publisher(CameraInfo, f"{root}/segmentation/camera_info")
        self._visibility = self._publisher(Float32, f"{root}/visibility")
        self._fog_density = self._publisher(Float32, f"{root}/fog_density")
        self._of_frames = tuple(self._publishers)
        self._label_json = self._publisher(String, f"{root}/segmentation/label_info", is_latched=True)
        self._vision_labels = label_info.to_vision_message(labels)
        if self._vision_labels is not None:
            kind = type(self._vision_labels)
            self._label_info = self._publisher(kind, f"{root}/segmentation/vision_label_info", is_latched=True)

    def use_labels(self, labels: LabelSet) -> None:
        """Go on with the labels of another model."""
        self._labels = labels
        self._vision_labels = label_info.to_vision_message(labels)

    def announce_labels(self, palette: str) -> None:
        """Publish, once and for all who come later, what the ids in a mask mean, and their colours in a palette."""
        self._label_json.publish(String(data=label_info.to_json(in_palette(self._labels, palette))))
        if self._vision_labels is not None:
            self._vision_labels.header.stamp = self._node.get_clock().now().to_msg()
            self._label_info.publish(self._vision_labels)

    @property
    def are_wanted(self) -> bool:
        """Whether somebody listens to anything that comes of frames."""
        return any(map(_is_wanted, self._of_frames))

    def wishes(self) -> Wishes:
        """Return what somebody listens to at this moment."""
        overlay = _is_wanted(self._overlay)
        return Wishes(
            dehazed=overlay or _is_wanted(self._dehazed) or _is_wanted(self._compressed),
            mask=overlay or any(map(_is_wanted, (self._mask, self._mask_png, self._color, self._mask_camera_info))),
            visibility=_is_wanted(self._visibility) or _is_wanted(self._fog_density),
        )

    def room(self, height: int, width: int, encoding: str) -> Pixels | None:
        """Return where to write a dehazed frame so that `publish` need not copy it, uint8 [H, W, 3], RGB to index.

        It is memory of the message that goes out next. None where nobody listens to such a message, or where the frame
        is grey and has to be converted.
        """
        if encoding == "mono8" or not _is_wanted(self._dehazed):
            return None
        return self._room(self._dehazed, height, width, encoding)

    def publish(self, answer: Answer, parameters: DehazeParameters, stopwatch: Stopwatch) -> None:
        """Publish an answer on every topic that somebody listens to; times "convert out" and "publish"."""
        for publisher, make in self._messages(answer, parameters):
            if _is_wanted(publisher):
                with stopwatch("convert out"):
                    message = make()
                with stopwatch("publish"):
                    publisher.publish(message)

    def publish_calibration(self, calibration: CameraInfo | None, header: Header) -> None:
        """Publish the calibration that goes with a frame, if there is one and somebody listens.

        It takes no look at the frame: many consumers wait for a calibration before they ask for images.
        """
        if calibration is not None and _is_wanted(self._camera_info):
            self._camera_info.publish(camera_info.for_image(calibration, header))

    def destroy(self) -> None:
        """Take the publishers off the graph."""
        for publisher in self._publishers:
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers.clear()

    def _messages(self, answer: Answer, parameters: DehazeParameters) -> Iterator[_Message]:
        """Yield every publisher that the answer has something for, and how its message is made."""
        if answer.dehazed is not None:
            yield from self._frame_messages(answer, answer.dehazed, parameters)
        if answer.mask is not None:
            yield from self._mask_messages(answer, answer.mask, parameters)
        if answer.dehazed is not None and answer.mask is not None:
            frame, mask, opacity = answer.dehazed, answer.mask, parameters.overlay_opacity
            colors = in_palette(self._labels, parameters.palette).palette
            yield (
                self._overlay,
                lambda: self._image(
                    self._overlay, rendering.overlay(frame, mask, colors, opacity=opacity), answer, "rgb8"
                ),
            )
        if answer.calibration is not None:
            own = camera_info.for_image(answer.calibration, answer.message.header)
            yield self._camera_info, lambda: own
        yield self._fog_density, lambda: Float32(data=min(answer.attenuation, _LARGEST_FLOAT32))
        yield self._visibility, lambda: Float32(data=_visibility_m(answer.attenuation))

    def _frame_messages(self, answer: Answer, frame: Pixels, parameters: DehazeParameters) -> Iterator[_Message]:
        """Yield the dehazed frame, raw and compressed; what the fog gate passed goes out as the message that came."""
        source, encoding = answer.message, answer.encoding
        if answer.passed and isinstance(source, Image) and source.encoding == encoding:
            yield self._dehazed, lambda: source
        else:
            yield self._dehazed, lambda: self._image(self._dehazed, frame, answer, encoding)
        if answer.passed and isinstance(source, CompressedImage):
            yield self._compressed, lambda: source
        else:
            header, quality = source.header, parameters.jpeg_quality
            yield (
                self._compressed,
                lambda: to_compressed(frame, header, CompressedImage, quality, encoding=encoding),
            )

    def _mask_messages(self, answer: Answer, mask: Pixels, parameters: DehazeParameters) -> Iterator[_Message]:
        """Yield the mask as ids and in colours, and the calibration of its size."""
        height, width = mask.shape if parameters.mask_resolution == NETWORK else answer.size
        colors = in_palette(self._labels, parameters.palette).palette
        yield (
            self._mask,
            lambda: self._enlarged(self._mask, mask, (height, width), answer, "mono8"),
        )
        yield (
            self._mask_png,
            lambda: to_png(rendering.enlarge(mask, height, width), answer.message.header, CompressedImage),
        )
        yield (
            self._color,
            lambda: self._enlarged(self._color, rendering.colorize(mask, colors), (height, width), answer, "rgb8"),
        )
        if answer.calibration is not None:
            own = camera_info.for_image(answer.calibration, answer.message.header)
            yield (
                self._mask_camera_info,
                lambda: camera_info.scaled(own, from_size=answer.size, to_size=(height, width)),
            )

    def _enlarged(
        self, publisher: LifecyclePublisher, picture: Pixels, size: tuple[int, int], answer: Answer, encoding: str
    ) -> Image:
        """Return a mask, or its colours, as a message of another size, written there at once."""
        place = self._room(publisher, *size, encoding)
        return self._image(publisher, rendering.enlarge(picture, *size, out=place), answer, encoding)

    def _room(self, publisher: LifecyclePublisher, height: int, width: int, encoding: str) -> Pixels:
        """Return where the pixels of a publisher's next message go: the memory of the one that it sent before."""
        message, pixels = room(height, width, encoding, Image, reuse=self._spare.get(publisher))
        self._spare[publisher] = message
        return pixels

    def _image(self, publisher: LifecyclePublisher, array: Pixels, answer: Answer, encoding: str) -> Image:
        """Return an array as a message, in the memory of the one that the publisher sent before, if it fits."""
        message = from_array(array, answer.message.header, encoding, Image, reuse=self._spare.get(publisher))
        self._spare[publisher] = message
        return message

    def _publisher(self, kind: type, topic: str, *, is_latched: bool = False) -> LifecyclePublisher:
        on_matched = None if is_latched else self._on_demand_changed
        publisher = qos.advertise(self._node, kind, topic, is_latched=is_latched, on_matched=on_matched)
        self._publishers.append(publisher)
        return publisher


def _visibility_m(attenuation: float) -> float:
    """Return the visibility as a Float32 can hold it: infinite where it is too large for one; nan where unknown."""
    if math.isnan(attenuation):
        return math.nan
    mor_m = mor_from_attenuation(attenuation)
    return mor_m if mor_m <= _LARGEST_FLOAT32 else math.inf


def _is_wanted(publisher: LifecyclePublisher) -> bool:
    return publisher.is_activated and publisher.get_subscription_count() > 0
