"""`dfs dehaze` on each kind of input, against what the model itself says of the same frames."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dfs_core.cli import main
from dfs_core.runtime import Dehazer, load
from dfs_ros.bag import open_bag

FRAMES = 6
Frame = NDArray[np.uint8]

RUN = """
import sys
for package in {hidden}:
    sys.modules[package] = None
from dfs_core.cli import main
main(["dehaze", *sys.argv[1:]])
"""


@pytest.fixture(scope="module")
def model(model_path: Path) -> Iterator[Dehazer]:
    with load(model_path) as dehazer:
        yield dehazer


def command(*words: object, hidden: tuple[str, ...] = ("rclpy", "ament_index_python")) -> list[str]:
    """Return the command line of `dfs dehaze` where some packages are not installed."""
    return [sys.executable, "-c", RUN.format(hidden=hidden), *map(str, words)]


def dehaze(model_path: Path, *words: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    line = command(*words, "--model", model_path, **options)
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


def expected(model: Dehazer, frame: Frame) -> tuple[Frame, Frame]:
    """Return the model's dehazed frame, and its mask in the frame's size."""
    result = model(frame[np.newaxis])
    assert result.dehazed is not None
    assert result.mask is not None
    height, width = frame.shape[:2]
    rows, columns = (
        ((np.arange(size) + 0.5) * small / size).astype(int)
        for size, small in ((height, result.mask.shape[1]), (width, result.mask.shape[2]))
    )
    return result.dehazed[0], result.mask[0][rows][:, columns]


def read(path: Path) -> Frame:
    return cv2.imread(str(path), cv2.IMREAD_COLOR)[:, :, ::-1]


def test_an_image_and_its_mask_are_what_the_model_says_without_rosbags_too(
    model: Dehazer, model_path: Path, recordings: ModuleType, tmp_path: Path
) -> None:
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    cv2.imwrite(str(source), recordings.frame(3)[:, :, ::-1])
    done = dehaze(model_path, source, target, hidden=("rclpy", "rosbags", "onnxruntime"))
    assert done.returncode == 0, done.stderr
    dehazed, mask = expected(model, recordings.frame(3))
    np.testing.assert_array_equal(read(target), dehazed)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "out_mask.png"), cv2.IMREAD_UNCHANGED), mask)
    assert "1 frames" in done.stdout
    assert model.backend in done.stdout
    assert f" on {model.backend} in fp32; not on " in done.stderr


def test_a_folder_keeps_its_names_and_passes_bad_files_through(
    model: Dehazer, model_path: Path, recordings: ModuleType, tmp_path: Path
) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "deep").mkdir(parents=True)
    names = ("a.png", "b.png", "deep/c.png")
    for number, name in enumerate(names):
        cv2.imwrite(str(source / name), recordings.frame(number)[:, :, ::-1])
    (source / "bad.jpg").write_bytes(b"\xff\xd8 no more")
    (source / "notes.txt").write_text("not an image")
    done = dehaze(model_path, source, target, "--no-masks", "--json", tmp_path / "figures.json")
    assert done.returncode == 1
    assert "bad.jpg: not an image" in done.stderr
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*.*")) == [
        "a.png",
        "b.png",
        "bad.jpg",
        "deep/c.png",
    ]
    for number, name in enumerate(names):
        np.testing.assert_array_equal(read(target / name), expected(model, recordings.frame(number))[0])
    assert (target / "bad.jpg").read_bytes() == b"\xff\xd8 no more"
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["frames"], figures["bad"], figures["backend"]) == (3, 1, model.backend)


def test_a_video_keeps_size_rate_and_number_of_frames(
    model: Dehazer, model_path: Path, recordings: ModuleType, tmp_path: Path
) -> None:
    source, target = tmp_path / "in.avi", tmp_path / "out.avi"
    writer = cv2.VideoWriter(str(source), cv2.VideoWriter.fourcc(*"MJPG"), 12.5, (recordings.WIDTH, recordings.HEIGHT))
    for number in range(FRAMES):
        writer.write(np.ascontiguousarray(recordings.frame(number)[:, :, ::-1]))
    writer.release()
    done = dehaze(model_path, source, target)
    assert done.returncode == 0, done.stderr
    assert "sound is not carried over" in done.stdout
    before, after = cv2.VideoCapture(str(source)), cv2.VideoCapture(str(target))
    assert after.get(cv2.CAP_PROP_FPS) == pytest.approx(12.5)
    for number in range(FRAMES):
        frame = np.ascontiguousarray(before.read()[1][:, :, ::-1])
        dehazed, mask = expected(model, frame)
        assert np.abs(after.read()[1][:, :, ::-1].astype(int) - dehazed).mean() < 6  # what JPEG costs
        written = cv2.imread(str(tmp_path / "out_masks" / f"{number + 1:06d}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(written, mask)
    assert not after.read()[0]


@pytest.mark.parametrize("kind", ["mcap", "sqlite3", "rosbag1"])
def test_a_bag_is_copied_byte_for_byte_and_gains_dehazed_frames_and_masks(
    model: Dehazer, model_path: Path, recordings: ModuleType, tmp_path: Path, kind: str
) -> None:
    source = recordings.write(tmp_path / "in.bag", frames=FRAMES, storage=kind, raw=True, depth=True)
    target = tmp_path / "out"
    done = dehaze(model_path, source, target)
    assert done.returncode == 0, done.stderr
    assert f"{2 * FRAMES} frames" in done.stdout
    with open_bag(source) as before, open_bag(target) as after:
        assert after.storage == ("mcap" if kind == "rosbag1" else kind)
        topics = {topic.name: topic for topic in after.topics}
        for topic in before.topics:
            assert topics.pop(topic.name) == topic
            copies = [(r.stamp_ns, bytes(r.data)) for r in after.records([topic.name])]
            assert copies == [(r.stamp_ns, bytes(r.data)) for r in before.records([topic.name])]
        assert {name: (topic.type, topic.count) for name, topic in topics.items()} == {
            "/camera/image_dehazed/compressed": ("sensor_msgs/msg/CompressedImage", FRAMES),
            "/camera/segmentation/mask": ("sensor_msgs/msg/Image", FRAMES),
            "/rear/image_dehazed": ("sensor_msgs/msg/Image", FRAMES),
            "/rear/segmentation/mask": ("sensor_msgs/msg/Image", FRAMES),
        }
        rear = zip(after.records(["/rear/image_dehazed"]), after.records(["/rear/segmentation/mask"]), strict=True)
        for number, records in enumerate(rear):
            image, mask = (after.types.deserialize_cdr(record.data, record.topic.type) for record in records)
            dehazed, classes = expected(model, recordings.frame(number))
            assert (image.encoding, mask.encoding) == ("bgr8", "mono8")
            np.testing.assert_array_equal(image.data.reshape(dehazed.shape)[:, :, ::-1], dehazed)
            np.testing.assert_array_equal(mask.data.reshape(classes.shape), classes)
            for record, message in zip(records, (image, mask), strict=True):
                assert record.stamp_ns == recordings.stamp_ns(number)
                assert message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == record.stamp_ns
                assert message.header.frame_id == "camera"
        for number, record in enumerate(after.records(["/camera/image_dehazed/compressed"])):
            message = after.types.deserialize_cdr(record.data, record.topic.type)
            decoded = cv2.imdecode(recordings.jpeg(number), cv2.IMREAD_COLOR)[:, :, ::-1]
            dehazed, _ = expected(model, np.ascontiguousarray(decoded))
            shown = cv2.imdecode(message.data, cv2.IMREAD_COLOR)[:, :, ::-1]
            assert np.abs(shown.astype(int) - dehazed).mean() < 6  # what JPEG costs


def test_a_frame_that_cannot_be_read_is_named_passed_through_and_told_by_the_exit_code(
    model_path: Path, recordings: ModuleType, tmp_path: Path
) -> None:
    source = recordings.write(tmp_path / "in", frames=FRAMES, corrupt=2)
    done = dehaze(model_path, source, tmp_path / "out.mcap", "--no-masks")
    assert done.returncode == 1
    assert f"{recordings.IMAGE_TOPIC}, message 3: truncated JPEG" in done.stderr
    assert f"{FRAMES - 1} frames" in done.stdout
    assert "1 bad" in done.stdout
    with open_bag(source) as before, open_bag(tmp_path / "out.mcap") as after:
        dehazed = [bytes(record.data) for record in after.records(["/camera/image_dehazed/compressed"])]
        assert len(dehazed) == FRAMES
        assert dehazed[2] == bytes(list(before.records([recordings.IMAGE_TOPIC]))[2].data)


def test_a_message_whose_bytes_are_no_image_is_named_and_passed_through(
    model_path: Path, recordings: ModuleType, tmp_path: Path
) -> None:
    from dfs_ros.bag_writer import BagWriter

    source = recordings.write(tmp_path / "whole", frames=3)
    with open_bag(source) as bag, BagWriter(tmp_path / "in", storage="mcap") as writer:
        for topic in bag.topics:
            writer.add_topic(topic.name, topic.type, bag.types, qos=topic.qos)
        for record in bag.records():
            is_damaged = record.topic.name == recordings.IMAGE_TOPIC and writer.counts[record.topic.name] == 1
            writer.write(record.topic.name, record.stamp_ns, b"\0\1\0\0rubbish" if is_damaged else record.data)
    done = dehaze(model_path, tmp_path / "in", tmp_path / "out")
    assert done.returncode == 1
    assert f"{recordings.IMAGE_TOPIC}, message 2: 11 bytes are no sensor_msgs/msg/CompressedImage" in done.stderr
    with open_bag(tmp_path / "out") as after:
        assert len(list(after.records(["/camera/image_dehazed/compressed"]))) == 3


def test_what_can_be_read_of_a_cut_bag_is_dehazed(model_path: Path, recordings: ModuleType, tmp_path: Path) -> None:
    source = recordings.write(tmp_path / "in", frames=1000)
    recordings.cut(recordings.storage_file(source), 0.9)
    with open_bag(source) as bag:
        readable = next(topic.count for topic in bag.topics if topic.name == recordings.IMAGE_TOPIC)
    done = dehaze(model_path, source, tmp_path / "out", "--no-masks")
    assert done.returncode == 1
    assert "messages could be read" in done.stderr
    with open_bag(tmp_path / "out") as bag:
        counts = {topic.name: topic.count for topic in bag.topics}
    assert 0 < counts["/camera/image_dehazed/compressed"] == readable < 1000


def test_clear_frames_are_passed_on_as_they_are(model_path: Path, recordings: ModuleType, tmp_path: Path) -> None:
    source = recordings.write(tmp_path / "in", frames=FRAMES)
    done = dehaze(model_path, source, tmp_path / "out", "--gate", "10", "--no-masks")
    assert f"{FRAMES} of them clear" in done.stdout
    with open_bag(tmp_path / "out") as bag:
        pairs = (bag.records([name]) for name in (recordings.IMAGE_TOPIC, "/camera/image_dehazed/compressed"))
        assert all(bytes(one.data) == bytes(other.data) for one, other in zip(*pairs, strict=True))


def test_only_the_topics_asked_for_are_dehazed(model_path: Path, recordings: ModuleType, tmp_path: Path) -> None:
    source = recordings.write(tmp_path / "in", frames=2, raw=True)
    done = dehaze(model_path, source, tmp_path / "out", "--topics", recordings.RAW_TOPIC, "--no-masks")
    assert done.returncode == 0, done.stderr
    with open_bag(tmp_path / "out") as bag:
        assert [topic.name for topic in bag.topics if "dehazed" in topic.name] == ["/rear/image_dehazed"]
    again = dehaze(model_path, tmp_path / "out", tmp_path / "twice", "--topics", recordings.RAW_TOPIC)
    assert again.returncode == 1
    assert "topic /rear/image_dehazed would be written twice" in again.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("{folder}/nothing", "{folder}/out"), "no such file or folder"),
        (("{folder}", "{folder}/out"), "no image in it or below"),
        (("{folder}/in.png", "{folder}/out.xyz"), "not the name of an image"),
        (("{folder}/in.png", "{folder}/in.png"), "exists already; name another output, or give --overwrite"),
        (("{folder}/in.png", "{folder}/out.png", "--topics", "/a"), "--topics is for bags"),
        (("{folder}/bad.png", "{folder}/out.png"), "not an image that OpenCV can decode"),
        (("{folder}/in.mp4", "{folder}/out.mp4"), "not a video that OpenCV can read"),
        (("{folder}/in.mp4", "{folder}/out"), "give a name that ends in .mp4"),
        (("{folder}/in.xyz", "{folder}/out"), "not known what this is"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str],
    model_path: Path,
    recordings: ModuleType,
    tmp_path: Path,
    words: tuple[str, ...],
    says: str,
) -> None:
    if words[0] != "{folder}":
        cv2.imwrite(str(tmp_path / "in.png"), recordings.frame(0))
        for name in ("bad.png", "in.mp4", "in.xyz"):
            (tmp_path / name).write_text("nothing of the kind")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SystemExit) as end:
        main(["dehaze", *(word.format(folder=tmp_path) for word in words), "--model", str(model_path)])
    assert end.value.code == 1
    assert says in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_leaves_no_output(
    model_path: Path, recordings: ModuleType, tmp_path: Path, number: signal.Signals
) -> None:
    source = recordings.write(tmp_path / "in", frames=2_500)
    target = tmp_path / "work" / "out"
    target.parent.mkdir()
    with subprocess.Popen(
        command(source, target, "--model", model_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 60
        while not any(path.suffix == ".mcap" and path.stat().st_size for path in target.parent.rglob("*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            os.sched_yield()
        process.send_signal(number)
        assert process.wait(30) != 0
    assert not target.exists()
    if number != signal.SIGKILL:
        assert not list(target.parent.iterdir())


def test_at_strength_0_a_picture_stays_as_it_is_and_smoothing_is_for_what_moves(
    model_path: Path, tmp_path: Path
) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (48, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "in.png"), picture)
    run = dehaze(model_path, tmp_path / "in.png", tmp_path / "out.png", "--gate", 0, "--strength", 0)
    assert run.returncode == 0, run.stderr
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "out.png")), picture)
    refused = dehaze(model_path, tmp_path / "in.png", tmp_path / "other.png", "--smoothing-s", 1)
    assert refused.returncode != 0
    assert "--smoothing-s is for videos and bags" in " ".join(refused.stderr.split())
