"""`dfs fog-bag`: clear video in, a foggy camera's bag out."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dfs_core.cli import main

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'dfs_ros[bags]'")

from dfs_ros.bag import Record, open_bag

FRAMES, HEIGHT, WIDTH, RATE = 8, 96, 160, 12.5
IMAGES, CALIBRATIONS = "/front/image_raw/compressed", "/front/camera_info"


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video of eight equal frames with stripes of full contrast."""
    path = tmp_path_factory.mktemp("video") / "clear.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (WIDTH, HEIGHT))
    assert writer.isOpened(), "this OpenCV cannot write mp4"
    stripes = np.where(np.arange(WIDTH) // 16 % 2, 255, 0).astype(np.uint8)
    for _ in range(FRAMES):
        writer.write(np.broadcast_to(stripes[np.newaxis, :, np.newaxis], (HEIGHT, WIDTH, 3)).copy())
    writer.release()
    return path


def fog(video: Path, bag: Path, model_path: Path, *more: object) -> None:
    """Put fog into a video as the command line does; raises SystemExit with the exit code."""
    words = ("fog-bag", video, bag, "--model", model_path, "--topic", "/front", *more)
    main([str(word) for word in words])


def run(video: Path, bag: Path, model_path: Path, *more: object) -> None:
    """Put fog into a video, which must succeed."""
    with pytest.raises(SystemExit) as end:
        fog(video, bag, model_path, *more)
    assert not end.value.code


def records(bag: Path, topic: str) -> list[tuple[Record, Any]]:
    """Return a topic's records, each with its message."""
    with open_bag(bag) as opened:
        return [(r, opened.types.deserialize_cdr(r.data, r.topic.type)) for r in opened.records([topic])]


def picture(message: Any) -> NDArray[np.uint8]:
    """Return what a CompressedImage shows, as OpenCV reads it."""
    return cv2.imdecode(np.asarray(message.data), cv2.IMREAD_COLOR)


@pytest.fixture(scope="module")
def bag(video: Path, model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bag in which fog thickens from 300 m to 40 m."""
    path = tmp_path_factory.mktemp("bag") / "foggy"
    run(video, path, model_path, "--mor", 300, 40, "--focal", 0.9)
    return path


def test_each_frame_of_the_video_is_a_jpeg_with_a_calibration(bag: Path) -> None:
    with open_bag(bag) as opened:
        found = {topic.name: (topic.type, topic.count) for topic in opened.topics}
    assert found == {
        IMAGES: ("sensor_msgs/msg/CompressedImage", FRAMES),
        CALIBRATIONS: ("sensor_msgs/msg/CameraInfo", FRAMES),
    }
    for _, message in records(bag, IMAGES):
        assert "jpeg" in message.format
        assert picture(message).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("topic", [IMAGES, CALIBRATIONS])
def test_stamps_are_as_far_apart_as_the_videos_frames(bag: Path, topic: str) -> None:
    pairs = records(bag, topic)
    recorded = [record.stamp_ns for record, _ in pairs]
    assert np.diff(recorded).tolist() == [80_000_000] * (FRAMES - 1)  # 12.5 frames/s
    assert [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for _, m in pairs] == recorded
    assert {m.header.frame_id for _, m in pairs} == {"camera"}


def test_the_calibration_is_the_pinhole_that_the_fog_was_made_with(bag: Path) -> None:
    _, info = records(bag, CALIBRATIONS)[0]
    focal = 0.9 * 160
    assert (info.height, info.width) == (HEIGHT, WIDTH)
    assert info.k.tolist() == pytest.approx([focal, 0, 79.5, 0, focal, 47.5, 0, 0, 1])
    assert info.p.reshape(3, 4)[:, :3].ravel().tolist() == pytest.approx(info.k.tolist())
    assert not info.d.any()


def test_fog_takes_contrast_and_more_of_it_as_it_thickens(bag: Path, video: Path) -> None:
    capture = cv2.VideoCapture(str(video))
    clear = capture.read()[1]
    capture.release()
    contrasts = [float(picture(message).std()) for _, message in records(bag, IMAGES)]
    assert clear.std() > contrasts[0]
    assert contrasts[-1] < 0.9 * contrasts[0]


def test_a_seed_gives_the_same_bag_again_and_another_seed_another(
    bag: Path, video: Path, model_path: Path, tmp_path: Path
) -> None:
    for name, seed in (("same", 0), ("other", 1)):
        run(video, tmp_path / name, model_path, "--mor", 300, 40, "--focal", 0.9, "--seed", seed)
    first, same, other = (
        [bytes(record.data) for record, _ in records(path, IMAGES)]
        for path in (bag, tmp_path / "same", tmp_path / "other")
    )
    assert same == first
    assert other != first


def test_start_and_number_of_frames_can_be_chosen(video: Path, model_path: Path, tmp_path: Path) -> None:
    run(video, tmp_path / "part", model_path, "--start", 3, "--frames", 2)
    assert len(records(tmp_path / "part", IMAGES)) == 2


@pytest.mark.parametrize("content", [None, b"this is no video"])
def test_a_video_that_cannot_be_read_is_refused_in_words(
    model_path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    source = tmp_path / "source.mp4"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(SystemExit) as end:
        fog(source, tmp_path / "bag", model_path)
    assert end.value.code == 1
    said = " ".join(capfd.readouterr().err.split())
    assert "source.mp4: 0 frames" in said
    assert "give a video file that OpenCV can read" in said
    assert not (tmp_path / "bag").exists()


def test_a_bag_that_exists_is_replaced_only_when_that_is_asked_for(
    video: Path, model_path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "bag"
    run(video, target, model_path, "--frames", 2)
    with pytest.raises(SystemExit) as end:
        fog(video, target, model_path, "--frames", 1)
    assert end.value.code == 1
    assert "--overwrite" in capfd.readouterr().err
    assert len(records(target, IMAGES)) == 2
    run(video, target, model_path, "--frames", 1, "--overwrite")
    assert len(records(target, IMAGES)) == 1
