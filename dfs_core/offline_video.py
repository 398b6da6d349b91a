"""Dehaze a video file; sound is not carried over."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from dfs_core.errors import FrameError, OutputError
from dfs_core.offline import Advance, Course, Frame, Options, Tally, dehaze_frame
from dfs_core.offline_images import write_image
from dfs_core.read_ahead import read_ahead
from dfs_core.runtime import Dehazer

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts")
"""What is taken for a video."""

_CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
_FALLBACK_RATE = 25.0
_TOLERATED_SHORTAGE = 0.01


def count_frames(path: Path) -> int:
    """Return how many frames a video claims to have; 0 when it does not say.

    Raises:
        FrameError: it is not a video.
    """
    with _open(path) as capture:
        return max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))


def read_video(path: Path) -> Iterator[Frame]:
    """Yield the frames of a video in order, RGB uint8 [H, W, 3].

    Raises:
        FrameError: it is not a video, or holds no frame.
    """
    number = -1
    with _open(path) as capture:
        for number, frame in enumerate(_frames(capture)):  # noqa: B007 (whether there was one is asked below)
            yield frame
    if number < 0:
        raise FrameError(f"{path}: not one frame could be decoded; is the file whole?")


def check_target(target: Path) -> None:
    """Refuse a name whose ending does not say which kind of video to write.

    Raises:
        OutputError: with the endings that do.
    """
    if target.suffix.lower() not in _CODECS:
        raise OutputError(f"{target}: cannot write such a video; give a name that ends in {', '.join(_CODECS)}")


def masks_folder(video: Path) -> Path:
    """Return the folder where a video's masks lie."""
    return video.with_name(f"{video.stem}_masks")


def dehaze_video(
    dehazer: Dehazer,
    source: Path,
    target: Path,
    options: Options,
    *,
    masks: Path | None = None,
    advance: Advance = lambda: None,
) -> Tally:
    """Dehaze a video frame by frame.

    Args:
        dehazer: the model.
        source: the video to read.
        target: the video to write; its ending says which kind.
        options: how frames are treated.
        masks: folder for the masks as PNG, one a frame, numbered from 1; none are written if not given.
        advance: called after every frame.

    Raises:
        FrameError: the source is not a video, or holds no frame.
        OutputError: the target cannot be written.
    """
    check_target(target)
    tally, course = Tally(notes=["sound is not carried over"]), Course()
    with _open(source) as capture:
        claimed = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        rate = capture.get(cv2.CAP_PROP_FPS) or _FALLBACK_RATE
        writer = None
        try:
            for frame in read_ahead(_frames(capture), size=lambda picture: picture.nbytes):
                answer = dehaze_frame(dehazer, frame, options, tally, course=course, stamp_s=tally.frames / rate)
                if writer is None:
                    writer = _create(target, rate, frame)
                writer.write(cv2.cvtColor(answer.dehazed, cv2.COLOR_RGB2BGR))
                if masks is not None and answer.mask is not None:
                    masks.mkdir(exist_ok=True)
                    write_image(masks / f"{tally.frames:06d}.png", answer.mask)
                advance()
        finally:
            if writer is not None:
                writer.release()
    if writer is None:
        raise FrameError(f"{source}: not one frame could be decoded; is the file whole?")
    if is_short(tally.frames, claimed):
        tally.bad.append(name_shortage(source, tally.frames, claimed))
    return tally


def is_short(frames: int, claimed: int) -> bool:
    """Return whether a video ended well before the number of frames that it claims."""
    return frames < claimed * (1 - _TOLERATED_SHORTAGE) - 1


def name_shortage(source: Path, frames: int, claimed: int) -> str:
    """Return words for a video that did."""
    return f"{source}: ended after {frames} of {claimed} frames; it is cut off or damaged"


@contextmanager
def _open(path: Path) -> Iterator[cv2.VideoCapture]:
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise FrameError(f"{path}: not a video that OpenCV can read; convert it to MP4")
        yield capture
    finally:
        capture.release()


def _frames(capture: cv2.VideoCapture) -> Iterator[Frame]:
    while True:
        decoded, pixels = capture.read()
        if not decoded:
            return
        yield cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _create(target: Path, rate: float, frame: Frame) -> cv2.VideoWriter:
    height, width = frame.shape[:2]
    codec = cv2.VideoWriter.fourcc(*_CODECS[target.suffix.lower()])
    writer = cv2.VideoWriter(str(target), codec, rate, (width, height))
    if not writer.isOpened():
        raise OutputError(f"{target}: OpenCV cannot write a video of {width}x{height} there; try a name ending in .avi")
    return writer
