"""What a network is shown while it is quantised: frames as its users will have them, foggy and clear."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfs_core.data.fog import FogRange, apply_fog
from dfs_core.errors import DatasetError
from dfs_core.evaluation.dataset import DRAWN, LAYOUTS, FoggyScenes, find_layout
from dfs_core.labels import LabelSet
from dfs_core.offline_images import find_images, read_image

Image = NDArray[np.uint8]

SPLIT = "train"
"""Of a dataset, so that what is measured on its other splits stays fair."""

FOG = FogRange(mor_m=(25.0, 1000.0), clear_share=0.2, airlight=(0.4, 1.0))
"""Random fog that a dataset's scenes are put into: wider than most models are trained on, and a fifth of it clear."""

_CLEAR_EVERY = 5
"""Of a dataset that brings its own fog, every fifth frame is shown without it."""

CHECK_EVERY = 4
"""Of so many frames one is not calibrated on, but compared afterwards."""


class Pictures(Sequence[Image]):
    """Picture files of a folder and below, spread evenly, RGB uint8 [H, W, 3] of any sizes."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        """List them.

        Raises:
            DatasetError: there are none.
        """
        paths = find_images(folder)
        self._paths = [paths[place] for place in _spread(len(paths), limit)]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._paths)

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]
        """Read one frame.

        Raises:
            FrameError: it cannot be read.
        """
        return read_image(self._paths[index])


class ScenesInFog(Sequence[Image]):
    """Scenes of a dataset's training split, spread evenly, each in a random fog, or in the dataset's own fogs."""

    def __init__(self, source: str, *, labels: LabelSet, limit: int) -> None:
        """List them; see `FoggyScenes`.

        Raises:
            DatasetError: the folder lacks parts of its layout.
        """
        self._scenes = FoggyScenes(source, split=SPLIT, labels=labels, limit=limit, seed=0)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._scenes)

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]
        """Read one scene and put it into fog.

        Raises:
            DatasetError: one of its files is missing or damaged, or too little of its geometry is known.
        """
        scene = self._scenes[index]
        sample = scene.sample
        if sample.ray_length is None and index % _CLEAR_EVERY == _CLEAR_EVERY - 1:
            return sample.image
        if sample.ray_length is None:
            return self._scenes.hazy(scene, self._scenes.densities[index % len(self._scenes.densities)])
        rng = np.random.default_rng([0, scene.number])
        return apply_fog(sample.image, sample.ray_length, FOG.draw(rng), rng).hazy


def open_frames(source: str, *, labels: LabelSet, limit: int) -> Sequence[Image]:
    """Return the frames that a user means.

    Args:
        source: a folder of pictures, a folder in a layout that DFS knows, LAYOUT:FOLDER, or "scenes" for drawn ones.
        labels: what ids mean in data that does not say so itself.
        limit: how many frames at most.

    Raises:
        DatasetError: there are too few, or no such folder.
    """
    folder = Path(source)
    named = source == DRAWN or source.partition(":")[0] in LAYOUTS
    if not named and not folder.is_dir():
        raise DatasetError(
            f"{source}: no such folder; give --calibration a folder of pictures as the camera takes them, foggy and "
            "clear, or a dataset as `dfs evaluate` takes it"
        )
    frames: Sequence[Image]
    if named or find_layout(folder, SPLIT) is not None:
        frames = ScenesInFog(source, labels=labels, limit=limit)
    else:
        frames = Pictures(folder, limit=limit)
    if len(frames) < CHECK_EVERY:
        raise DatasetError(
            f"{source}: {len(frames)} frames are too few, at least {CHECK_EVERY} are needed; give a folder of a "
            "hundred or more, foggy and clear"
        )
    return frames


def calibrated(frames: Sequence[Image]) -> list[int]:
    """Return which frames to calibrate on."""
    return [index for index in range(len(frames)) if index % CHECK_EVERY != CHECK_EVERY - 1]


def checked(frames: Sequence[Image]) -> list[int]:
    """Return which frames to compare afterwards: the others."""
    return [index for index in range(len(frames)) if index % CHECK_EVERY == CHECK_EVERY - 1]


def _spread(total: int, limit: int) -> list[int]:
    return np.rint(np.linspace(0, total - 1, min(limit, total))).astype(int).tolist()
