"""Rewrite a bag offline: every message of the input, and beside each camera's frames the dehazed ones and masks."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rosbags.serde import SerdeError

from dfs_core.errors import BagError, FrameError
from dfs_core.offline import Advance, Answer, Course, Frame, Options, Tally, dehaze_frame
from dfs_core.read_ahead import read_ahead
from dfs_core.runtime import Dehazer
from dfs_ros import image_message
from dfs_ros.bag import Bag, CutBagError, Record, Topic
from dfs_ros.bag_types import standard_types
from dfs_ros.bag_writer import BagWriter
from dfs_ros.camera import COMPRESSED, IMAGE_TYPES, Camera, bag_camera_topics

_IMAGE = "sensor_msgs/msg/Image"
_NOT_COLOUR = re.compile(r"(16|32|64)[USF]C\d")  # depth and the like


@dataclass(frozen=True)
class _Outputs:
    """The topics that come into being for one camera, and what is carried from frame to frame of it."""

    dehazed: str
    mask: str
    course: Course = field(default_factory=Course)


@dataclass(frozen=True)
class _Read:
    """One message of the bag; what it shows if it is a camera's, or why it cannot be read."""

    record: Record
    message: Any = None
    frame: Frame | FrameError | None = None


def camera_topics(bag: Bag, chosen: Sequence[str] = ()) -> list[Topic]:
    """Return the image topics to dehaze: those chosen, else one of every camera that shows colour or grey.

    Raises:
        BagError: a chosen topic is not there or holds no images, or there is no image topic at all.
    """
    topics = {topic.name: topic for topic in bag.topics}
    images = {name: topic for name, topic in topics.items() if topic.type in IMAGE_TYPES}
    if wrong := [name for name in chosen if name not in images]:
        raise BagError(f"{bag.path}: no image topic {', '.join(wrong)}, only {', '.join(images) or 'none at all'}")
    names = chosen or [
        name for name in bag_camera_topics({t.name: t.type for t in bag.topics}) if _is_colour(bag, name)
    ]
    if not names:
        found = ", ".join(f"{topic.name} ({topic.type})" for topic in bag.topics)
        raise BagError(f"{bag.path}: no topic with colour images; it holds {found}")
    return [images[name] for name in names]


def dehaze_bag(
    dehazer: Dehazer,
    bag: Bag,
    target: Path,
    options: Options,
    *,
    topics: Sequence[Topic],
    overwrite: bool = False,
    advance: Advance = lambda: None,
) -> Tally:
    """Write a ROS 2 bag with all that the bag holds, dehazed frames and masks.

    For a camera /front/image_raw come /front/image_dehazed and /front/segmentation/mask, recorded at the frame's time
    and with its header and QoS. A frame that cannot be read is passed through, and named in the tally.

    Args:
        dehazer: the model.
        bag: what to read; one that is cut off is read as far as it goes.
        target: bag to write, of the input's storage (MCAP for ROS 1) unless it ends in .mcap or .db3.
        options: how frames are treated.
        topics: what `camera_topics` chose.
        overwrite: whether an existing target may be replaced.
        advance: called after every frame.

    Raises:
        BagError: a topic to be written is in the bag already, or the bag cannot be written.
        OutputError: the target exists and may not be replaced.
    """
    tally = Tally()
    outputs = _name_outputs(topics)
    storage = "mcap" if bag.storage == "rosbag1" else bag.storage
    with BagWriter(target, storage=storage, overwrite=overwrite, compress=options.masks) as writer:
        for topic in bag.topics:
            writer.add_topic(topic.name, topic.type, bag.types, qos=topic.qos)
        for topic in topics:
            writer.add_topic(outputs[topic.name].dehazed, topic.type, standard_types(), qos=topic.qos)
            if options.masks:
                writer.add_topic(outputs[topic.name].mask, _IMAGE, standard_types(), qos=topic.qos)
        with closing(read_ahead(_read(bag, outputs), size=_bytes_held)) as items:
            try:
                for item in items:
                    writer.write(item.record.topic.name, item.record.stamp_ns, item.record.data)
                    if item.frame is not None:
                        _answer(dehazer, item, outputs[item.record.topic.name], writer, options, tally)
                        advance()
            except CutBagError as error:
                tally.bad.append(str(error))
    return tally


def _name_outputs(topics: Sequence[Topic]) -> dict[str, _Outputs]:
    """Return the outputs by input topic; cameras that share a namespace get one each."""
    cameras = {topic.name: Camera.of_topic(topic.name, types={topic.name: topic.type}) for topic in topics}
    shared = Counter(camera.namespace for camera in cameras.values())
    outputs = {}
    for name, camera in cameras.items():
        space = camera.namespace.rstrip("/") if shared[camera.namespace] == 1 else name
        suffix = "/compressed" if camera.transport == COMPRESSED else ""
        outputs[name] = _Outputs(f"{space}/image_dehazed{suffix}", f"{space}/segmentation/mask")
    return outputs


def _is_colour(bag: Bag, name: str) -> bool:
    """Look at a topic's first message."""
    with closing(bag.records([name])) as records:
        record = next(records, None)
    if record is None:
        return False
    if record.topic.type != _IMAGE:
        return True
    try:
        message: Any = bag.types.deserialize_cdr(record.data, record.topic.type)
    except SerdeError:
        return True  # a damaged message is named when its turn comes
    return not _NOT_COLOUR.fullmatch(message.encoding)


def _read(bag: Bag, outputs: dict[str, _Outputs]) -> Iterator[_Read]:
    """Yield every message, those of cameras decoded."""
    for record in bag.records():
        if record.topic.name in outputs:
            yield _decode(bag, record)
        else:
            yield _Read(record)


def _decode(bag: Bag, record: Record) -> _Read:
    """Return a camera's message with what it shows, or with why it cannot be read."""
    try:
        message: Any = bag.types.deserialize_cdr(record.data, record.topic.type)
    except SerdeError as error:
        text = f"{len(record.data)} bytes are no {record.topic.type} ({error}); the bag is damaged here"
        return _Read(record, frame=FrameError(text))
    try:
        frame = image_message.to_array(message) if record.topic.type == _IMAGE else image_message.decode(message)
    except FrameError as error:
        return _Read(record, message, error)
    return _Read(record, message, frame)


def _bytes_held(item: _Read) -> int:
    return len(item.record.data) + getattr(item.frame, "nbytes", 0)


def _answer(
    dehazer: Dehazer, item: _Read, outputs: _Outputs, writer: BagWriter, options: Options, tally: Tally
) -> None:
    """Write what the model says of a frame, or the frame itself when it cannot be read."""
    record, frame = item.record, item.frame
    if isinstance(frame, FrameError):
        number = writer.counts[record.topic.name]
        tally.bad.append(f"{record.topic.name}, message {number}: {frame}")
        writer.write(outputs.dehazed, record.stamp_ns, record.data)
        return
    assert frame is not None  # noqa: S101 (for the type checker)
    stamp = item.message.header.stamp
    stamp_s = stamp.sec + stamp.nanosec / 1e9
    answer = dehaze_frame(dehazer, frame, options, tally, course=outputs.course, stamp_s=stamp_s)
    types = standard_types()
    writer.write(outputs.dehazed, record.stamp_ns, _message(item, answer, options))
    if answer.mask is not None:
        mask = image_message.from_array(answer.mask, item.message.header, "mono8", types.types[_IMAGE])
        writer.write(outputs.mask, record.stamp_ns, types.serialize_cdr(mask, _IMAGE))


def _message(item: _Read, answer: Answer, options: Options) -> bytes | memoryview:
    """Return a dehazed frame as a serialised message of the input's kind; what the gate passed on is the input."""
    if answer.passed:
        return item.record.data
    name, header = item.record.topic.type, item.message.header
    kind: Any = standard_types().types[name]
    if name == _IMAGE:
        encoding = image_message.answer_encoding(item.message.encoding)
        message = image_message.from_array(answer.dehazed, header, encoding, kind)
    else:
        message = image_message.to_compressed(answer.dehazed, header, kind, options.quality)
    return standard_types().serialize_cdr(message, name)
