"""Foggy Cityscapes: 19 classes, 2048x1024 driving frames, each in fog of three densities and without.

The dataset is Sakaridis, Dai, Van Gool, "Semantic Foggy Scene Understanding with Synthetic Data", IJCV 2018; it is
meant to be unpacked into the folder of Cityscapes itself.
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfs_core.data import cityscapes_files as files
from dfs_core.data.cityscapes_files import Frame
from dfs_core.data.image_file import read_rgb
from dfs_core.data.layout import name_some, require_files, require_folders
from dfs_core.data.sample import Sample, Split
from dfs_core.errors import DatasetError
from dfs_core.labels import CITYSCAPES_19

HAZY = "leftImg8bit_foggy"
LAYOUT = (
    "ROOT/leftImg8bit_foggy/SPLIT/CITY/FRAME_leftImg8bit_foggy_beta_{0.005,0.01,0.02}.png with "
    "ROOT/leftImg8bit/SPLIT/CITY/FRAME_leftImg8bit.png, ROOT/gtFine/SPLIT/CITY/FRAME_gtFine_labelIds.png and, for all "
    "frames or none, ROOT/gtFine/SPLIT/CITY/FRAME_gtFine_instanceIds.png; FRAME is CITY_SEQ_FRAME, such as "
    "aachen_000000_000019"
)

_NAME = "Foggy Cityscapes"
_REST = "leftImg8bit_foggy_beta_"
_PATTERN = rf"{_REST}\d+\.\d+\.png"


class FoggyCityscapes(Split):
    """One split of Foggy Cityscapes in one density of fog, in the order of the file names."""

    labels = CITYSCAPES_19

    def __init__(
        self, root: Path, split: str, *, attenuation: float = 0.01, refined: Path | None = None, complete: bool = True
    ) -> None:
        """List the split's files.

        Args:
            root: the folder of Cityscapes, with `leftImg8bit_foggy` in it.
            split: "train" or "val"; the split of the cities is the official one.
            attenuation: β of the pictures to take, 1/m.
            refined: the list of frames to take, such as the official foggy_trainval_refined_filenames.txt; a relative
                path starts at `root`. Frames of other splits in it are left out.
            complete: whether to refuse a split that lacks files; otherwise each is missed when its frame is read.

        Raises:
            DatasetError: a folder or a file is missing or misnamed, there is no fog of that density, or the list names
                frames that are not there.
        """
        require_folders(_NAME, (root / kind / split for kind in (HAZY, files.CLEAR, files.LABELS)), LAYOUT)
        pictures = files.find_frames(root, HAZY, split, _PATTERN, dataset=_NAME, layout=LAYOUT)
        rests = {_beta(rest): rest for _, rest in pictures}
        rest = next((rest for beta, rest in rests.items() if math.isclose(beta, attenuation)), None)
        if rest is None:
            raise DatasetError(
                f"{_NAME}: no fog with β = {attenuation:g} per metre in {root / HAZY / split}, "
                f"only {', '.join(f'{beta:g}' for beta in sorted(rests))}; choose one with --set data.attenuation=β"
            )
        frames = sorted({frame for frame, _ in pictures})
        if refined is not None:
            frames = _listed(frames, split, root / refined)
        wanted = ((HAZY, rest), (files.CLEAR, files.CLEAR_REST), (files.LABELS, files.LABELS_REST))
        if complete:
            require_files(_NAME, (frame.path(root, *kind) for frame in frames for kind in wanted), LAYOUT)
        self._root, self._frames, self._rest, self._attenuation = root, frames, rest, attenuation
        self._instances = files.has_instances(root, frames, dataset=_NAME, layout=LAYOUT, complete=complete)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        """Read one frame.

        Raises:
            DatasetError: a file cannot be decoded, the sizes differ, or the labels hold an unknown id.
        """
        frame, root = self._frames[index], self._root
        instances = frame.path(root, files.LABELS, files.INSTANCES_REST)
        return Sample(
            name=frame.name,
            image=read_rgb(frame.path(root, files.CLEAR, files.CLEAR_REST)),
            labels=files.read_labels(frame.path(root, files.LABELS, files.LABELS_REST)),
            hazy=self.hazy(index),
            attenuation=self._attenuation,
            instances=files.read_instances(instances) if self._instances else None,
        )

    def hazy(self, index: int) -> NDArray[np.uint8]:
        """Read only the frame in fog, RGB uint8 [H, W, 3].

        Raises:
            DatasetError: the file cannot be decoded.
        """
        return read_rgb(self._frames[index].path(self._root, HAZY, self._rest))


def densities(root: Path, split: str) -> tuple[float, ...]:
    """Return the β in 1/m that a split comes in, the lowest first.

    Raises:
        DatasetError: there are no pictures, or one is misnamed.
    """
    pictures = files.find_frames(root, HAZY, split, _PATTERN, dataset=_NAME, layout=LAYOUT)
    return tuple(sorted({_beta(rest) for _, rest in pictures}))


def _beta(rest: str) -> float:
    """Return β in 1/m of a picture whose name goes on like this after the frame's."""
    return float(rest.removeprefix(_REST).removesuffix(".png"))


def _listed(frames: list[Frame], split: str, path: Path) -> list[Frame]:
    """Return the frames of the split that the list names, in the order of their names."""
    listed = {frame for frame in files.read_frame_list(path) if frame.split == split}
    if not listed:
        raise DatasetError(f"{path}: names no frame of the split '{split}'")
    if absent := sorted(listed.difference(frames)):
        raise DatasetError(
            f"{path}: names {len(absent)} frames that are not there: {name_some([frame.name for frame in absent])}; "
            f"expected {LAYOUT}"
        )
    return sorted(listed)
