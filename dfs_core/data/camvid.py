"""CamVid: 11 classes, 480x360 driving frames with labels and no depth.

Layout: `ROOT/{train,val}/images/NAME.jpg` beside `ROOT/{train,val}/labels/NAME.png`, ids 0–10 and 11 for void. The part
of NAME before the first underscore is the sequence.
"""

from pathlib import Path

import numpy as np

from dfs_core import optics
from dfs_core.data.depth import Camera, from_labels
from dfs_core.data.image_file import read_plane, read_rgb
from dfs_core.data.instances import components
from dfs_core.data.layout import refuse_misnamed, require_files, require_folders
from dfs_core.data.sample import Sample, Split
from dfs_core.errors import DatasetError
from dfs_core.labels import CAMVID_11, UNLABELLED

LABELS = CAMVID_11
LAYOUT = "ROOT/{train,val}/images/NAME.jpg with ROOT/{train,val}/labels/NAME.png"
VOID = 11

_NAME = "CamVid"

CAMERAS = {
    "0001TP": Camera(horizon=0.61),
    "0006R0": Camera(horizon=0.45),
    "0016E5": Camera(horizon=0.465),
}
"""Where the horizon lies in each drive, read off the rows in which its road ends."""


class CamVid(Split):
    """One split of CamVid, in the order of the file names."""

    labels = CAMVID_11

    def __init__(self, root: Path, split: str, *, complete: bool = True) -> None:
        """List the split's files.

        Args:
            root: the folder that holds the splits.
            split: "train" or "val".
            complete: whether to refuse a split that lacks files; otherwise each is missed when its frame is read.

        Raises:
            DatasetError: a folder is missing or empty, an image is misnamed, or one has no labels.
        """
        images, labels = root / split / "images", root / split / "labels"
        require_folders(_NAME, (images, labels), LAYOUT)
        paths = sorted(path for path in images.iterdir() if not path.name.startswith("."))
        refuse_misnamed(_NAME, [path for path in paths if path.suffix != ".jpg"], LAYOUT)
        self._pairs = [(path, labels / f"{path.stem}.png") for path in paths]
        if not self._pairs:
            raise DatasetError(f"{_NAME}: no .jpg in {images}; expected {LAYOUT}")
        if complete:
            require_files(_NAME, (label for _, label in self._pairs), LAYOUT)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        """Read one frame, guess its geometry, and take each connected region of things for one thing.

        Raises:
            DatasetError: a file cannot be decoded or has other channels than it should, the sizes differ, or the
                labels hold an unknown id.
        """
        image_path, label_path = self._pairs[index]
        image, labels = read_rgb(image_path), read_plane(label_path, np.uint8)
        if image.shape[:2] != labels.shape:
            raise DatasetError(f"{label_path}: {list(labels.shape)}, but its image is {list(image.shape[:2])}")
        if labels.max() > VOID:
            raise DatasetError(f"{label_path}: holds id {labels.max()}, but CamVid's ids are 0 to {VOID}")
        labels[labels == VOID] = UNLABELLED
        camera = CAMERAS.get(sequence_of(image_path.stem), Camera())
        depth = from_labels(labels, image, LABELS, camera)
        length = optics.ray_length(depth, focal_px=camera.focal * image.shape[1])
        instances = components(labels, LABELS)
        return Sample(image_path.stem, image, labels, np.ascontiguousarray(length), instances=instances)


def sequence_of(name: str) -> str:
    """Return the drive that a frame belongs to."""
    return name.partition("_")[0]
