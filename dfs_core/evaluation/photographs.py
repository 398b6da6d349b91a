"""Pictures and videos without ground truth: what they are, and their frames one after another."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from dfs_core.errors import ConfigError, DatasetError, FrameError
from dfs_core.evaluation.methods.method import Image
from dfs_core.offline_images import IMAGE_SUFFIXES, is_image, read_image
from dfs_core.offline_video import VIDEO_SUFFIXES, count_frames, is_short, name_shortage, read_video

STILLS = "stills"
"""The part that holds single pictures, where there are videos beside them."""


@dataclass(frozen=True)
class Photograph:
    """One picture, or one frame of a video.

    Attributes:
        name: of the file, and the frame's number in a video.
        part: `STILLS`, or the video's name.
        frame: RGB, uint8 [H, W, 3].
        video: the video that it belongs to; None for a single picture.
    """

    name: str
    part: str
    frame: Image
    video: str | None = None


class Photographs:
    """All pictures of a folder and below, then all videos; or a single file."""

    def __init__(self, source: Path, *, limit: int) -> None:
        """List the files.

        Args:
            source: a picture, a video, or a folder.
            limit: how many pictures to take, spread evenly, and how many frames of each video, the first ones; 0 takes
                all.

        Raises:
            DatasetError: there is none.
            ConfigError: the limit is negative.
        """
        if limit < 0:
            raise ConfigError(f"the number of scenes must be at least 0, not {limit}")
        self.source, self._limit = source, limit
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        images, self._videos = ([path for path in files if test(path)] for test in (is_image, _is_video))
        if not source.exists() or not (images or self._videos):
            raise DatasetError(
                f"{source}: {'holds no picture and no video' if source.exists() else 'no such file or folder'}; looked "
                f"for names ending in {', '.join((*IMAGE_SUFFIXES, *VIDEO_SUFFIXES))}"
            )
        places = np.linspace(0, len(images) - 1, min(limit or len(images), len(images)))
        self._images = [images[place] for place in np.rint(places).astype(int)]
        self.problems: list[str] = []

    def __len__(self) -> int:
        """Return the number of frames, as far as videos say it beforehand."""
        frames = 0
        for path in self._videos:
            claimed = _claimed(path)
            frames += min(claimed, self._limit) if self._limit else claimed
        return len(self._images) + frames

    def __str__(self) -> str:
        """Return what it holds, in words."""
        kinds = [(len(self._images), "pictures"), (len(self._videos), "videos")]
        return f"{self.source.name}: {' and '.join(f'{number} {kind}' for number, kind in kinds if number)}"

    def __iter__(self) -> Generator[Photograph, None, None]:
        """Yield the frames; a file that cannot be read, or a video that is cut off, is added to `problems`."""
        for path in self._images:
            name = str(path.relative_to(self.source)) if path != self.source else path.name
            try:
                frame = read_image(path)
            except FrameError as error:
                self.problems.append(str(error))
                continue
            yield Photograph(name, STILLS, frame)
        for path in self._videos:
            yield from self._frames(path)

    def _frames(self, path: Path) -> Iterator[Photograph]:
        name = str(path.relative_to(self.source)) if path != self.source else path.name
        number = 0
        try:
            for number, frame in enumerate(islice(read_video(path), self._limit or None), start=1):
                yield Photograph(f"{name}, frame {number}", name, frame, video=name)
            if number != self._limit and is_short(number, claimed := count_frames(path)):
                self.problems.append(name_shortage(path, number, claimed))
        except FrameError as error:
            self.problems.append(str(error))


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")


def _claimed(path: Path) -> int:
    try:
        return count_frames(path)
    except FrameError:  # reading it will name it
        return 0
