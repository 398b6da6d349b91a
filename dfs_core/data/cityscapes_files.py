"""What Cityscapes and its foggy variants share: how files are named, and what is in the label pictures.

Every file is `ROOT/KIND/SPLIT/CITY/CITY_SEQ_FRAME_REST`, SEQ and FRAME of six digits each.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfs_core.data.image_file import read_plane
from dfs_core.data.layout import name_some, refuse_misnamed, require_files
from dfs_core.errors import DatasetError
from dfs_core.labels import CITYSCAPES_19, UNLABELLED

LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The id in `_labelIds.png` of each class of CITYSCAPES_19, in their order."""
HIGHEST_LABEL_ID = 33
CLEAR, LABELS = "leftImg8bit", "gtFine"
CLEAR_REST, LABELS_REST, INSTANCES_REST = "leftImg8bit.png", "gtFine_labelIds.png", "gtFine_instanceIds.png"

_NAME = re.compile(r"(?P<name>(?P<city>[A-Za-z-]+)_\d{6}_\d{6})_(?P<rest>.+)")
_LINE = re.compile(r"(?P<split>\w+)/(?P<city>[A-Za-z-]+)/(?P<name>(?P=city)_\d{6}_\d{6})")


@dataclass(frozen=True, order=True)
class Frame:
    """One frame: its split, its city, and its name such as aachen_000000_000019."""

    split: str
    city: str
    name: str

    def path(self, root: Path, kind: str, rest: str) -> Path:
        """Return where one of its files is."""
        return root / kind / self.split / self.city / f"{self.name}_{rest}"


def find_frames(root: Path, kind: str, split: str, rest: str, *, dataset: str, layout: str) -> list[tuple[Frame, str]]:
    """Return the frames that have a PNG of one kind, and what its name goes on with, in the order of the names.

    Args:
        root: the dataset's folder.
        kind: its folder of pictures, such as "leftImg8bit".
        split: the split.
        rest: regular expression of what follows the frame in the pictures' names.
        dataset: what errors call it.
        layout: what errors say was expected.

    Raises:
        DatasetError: a name does not follow the layout, or there is no picture.
    """
    found, misnamed = [], []
    for path in sorted((root / kind / split).glob("*/*.png")):
        if path.name.startswith("."):  # what macOS leaves beside files
            continue
        match = _NAME.fullmatch(path.name)
        if match and match["city"] == path.parent.name and re.fullmatch(rest, match["rest"]):
            found.append((Frame(split, match["city"], match["name"]), match["rest"]))
        else:
            misnamed.append(path)
    refuse_misnamed(dataset, misnamed, layout)
    if not found:
        raise DatasetError(f"{dataset}: no picture in {root / kind / split}; expected {layout}")
    return found


def has_instances(root: Path, frames: Sequence[Frame], *, dataset: str, layout: str, complete: bool = True) -> bool:
    """Return whether the frames come with instances: all of them, or none.

    Raises:
        DatasetError: some do and some do not, and they are to be complete.
    """
    paths = [frame.path(root, LABELS, INSTANCES_REST) for frame in frames]
    if not any(path.is_file() for path in paths):
        return False
    if complete:
        require_files(dataset, paths, layout)
    return True


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Return the classes in a `_labelIds.png` as ids of CITYSCAPES_19, uint8 [H, W]; 255 where the class is not one.

    Raises:
        DatasetError: the file is damaged, or holds what is no label id.
    """
    stored = read_plane(path, np.uint8)
    if stored.max() > HIGHEST_LABEL_ID:
        strangers = np.unique(stored[stored > HIGHEST_LABEL_ID]).tolist()
        raise DatasetError(
            f"{path}: holds {name_some(strangers)}, but Cityscapes' label ids are 0 to {HIGHEST_LABEL_ID}; "
            "label ids are expected, not train ids"
        )
    return cv2.LUT(stored, _TRAIN_IDS)


def read_instances(path: Path) -> NDArray[np.int32]:
    """Return a number for each thing in an `_instanceIds.png`, int32 [H, W]; 0 is no thing.

    Stored is 1000 · label id + number where things are told apart, and the label id alone elsewhere, in groups too.

    Raises:
        DatasetError: the file is damaged or not of 16 bits.
    """
    stored = read_plane(path, np.uint16)
    return np.multiply(stored, stored >= 1000, dtype=np.int32)


def read_frame_list(path: Path) -> list[Frame]:
    """Return the frames that a list names, one a line, such as train/aachen/aachen_000004_000019.

    Raises:
        DatasetError: it cannot be read, or a line is no frame.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DatasetError(f"{path}: the list of frames cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: the list of frames is not text; expected one SPLIT/CITY/FRAME a line") from error
    frames = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise DatasetError(
                f"{path}: line {number} is '{line.strip()[:80]}'; "
                "expected SPLIT/CITY/FRAME, such as train/aachen/aachen_000004_000019"
            )
        frames.append(Frame(match["split"], match["city"], match["name"]))
    return frames


def _train_ids() -> NDArray[np.uint8]:
    table = np.full(256, UNLABELLED, np.uint8)
    table[list(LABEL_IDS)] = np.arange(len(CITYSCAPES_19))
    return table


_TRAIN_IDS = _train_ids()
