"""The user's own data: folders of pictures whose names say what belongs together.

ROOT/{train,val}/clear/NAME.png, and beside `clear` any of

- `hazy/NAME.png`: the same scenes in fog; then they are used as the pairs that they are;
- `depth/NAME.png`: 16 bits, 0 where it is not known, the unit in ROOT/dataset.yaml (see `FolderFacts`); the scenes are
  put into fog while training. Holes are completed, so most of a map must be known: raw lidar is too sparse;
- `labels/NAME.png`: 8-bit class ids, 255 for unlabelled. Without `hazy` and `depth`, geometry is guessed from them;
- `instances/NAME.png`: 16 bits, a number for each thing, 0 for none. Without them each connected region is a thing.

A folder that is there has one picture for each in `clear`. Pictures of `clear` and `hazy` have three channels of 8 bits
and end in .png, .jpg, .jpeg or .bmp; grey ones and ones with transparency are refused, as no colour can be learned from
them. ROOT/clear without {train,val} is divided by recording (see `divide`).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfs_core import optics
from dfs_core.data.completion import complete
from dfs_core.data.depth import Camera, Floats, from_depth_map, from_labels
from dfs_core.data.folder_facts import FILE, FolderFacts
from dfs_core.data.image_file import read_plane, read_rgb
from dfs_core.data.instances import components
from dfs_core.data.layout import name_some
from dfs_core.data.sample import Sample, Split
from dfs_core.data.sequences import divide
from dfs_core.errors import DatasetError
from dfs_core.labels import UNLABELLED, LabelSet

SPLITS = ("train", "val")
LAYOUT = (
    "ROOT/{train,val}/clear/NAME.png or ROOT/clear/NAME.png, and beside `clear` any of `hazy`, `depth`, `labels`, "
    "`instances` with the same names"
)

_PARTS = ("hazy", "depth", "labels", "instances")
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp")


class Folder(Split):
    """One split of a folder, in the order of the names."""

    def __init__(
        self, root: Path, split: str, labels: LabelSet, *, train_share: float = 0.8, complete: bool = True
    ) -> None:
        """List the split's files.

        Args:
            root: the folder.
            split: "train" or "val"; or any that has a folder of its own.
            labels: what the ids in `labels` mean.
            train_share: share of the frames to train on, where there are no folders for the splits.
            complete: whether to refuse a split that lacks files; otherwise each is missed when its frame is read.

        Raises:
            DatasetError: files are missing or misnamed, there is nothing to learn from, or the split is empty.
        """
        divided = not (root / split).is_dir()
        top = root if divided else root / split
        if not (top / "clear").is_dir():
            raise DatasetError(f"{root}: no folder {split}/clear and no folder clear; expected {LAYOUT}")
        self._facts = FolderFacts.read(root)
        self._files = {part: _pictures(top / part) for part in ("clear", *_PARTS) if (top / part).is_dir()}
        self._names = sorted(self._files["clear"])
        if divided and self._names:
            if split not in SPLITS:
                raise DatasetError(
                    f"{root}: no folder {split}, and frames are divided only into {' and '.join(SPLITS)}"
                )
            self._names = divide(self._names, train_share)[SPLITS.index(split)]
        if not self._names:
            raise DatasetError(
                f"{root}: {len(self._files['clear'])} pictures in {top / 'clear'} leave none for '{split}'; "
                f"expected {LAYOUT}"
            )
        self._top = top
        self._check(top, complete=complete)
        self.labels = labels if "labels" in self._files else None

    @property
    def comes_in_fog(self) -> bool:
        """Whether the frames come with pictures of the same scenes in fog."""
        return "hazy" in self._files

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        """Read one frame and, unless it comes in fog, its geometry.

        Raises:
            DatasetError: a file cannot be decoded or has other channels than it should, the sizes differ, the labels
                hold an unknown id, or too little of the depth is known.
        """
        name = self._names[index]
        if missing := [str(self._top / part) for part, paths in self._files.items() if name not in paths]:
            raise DatasetError(f"{name}: no picture of that name in {', '.join(missing)}; expected {LAYOUT}")
        files = {part: paths[name] for part, paths in self._files.items()}
        image = read_rgb(files["clear"])
        labels = self._labels(files["labels"]) if "labels" in files else np.full(image.shape[:2], UNLABELLED, np.uint8)
        sample = Sample(
            name,
            image,
            labels,
            hazy=read_rgb(files["hazy"]) if "hazy" in files else None,
            instances=read_plane(files["instances"], np.uint16).astype(np.int32) if "instances" in files else None,
        )
        if sample.instances is None and self.labels is not None:
            sample = replace(sample, instances=components(labels, self.labels))
        if sample.hazy is not None:
            return sample
        return replace(sample, ray_length=self._ray_length(sample, files.get("depth")))

    def _check(self, top: Path, *, complete: bool) -> None:
        """Refuse names that have no partner, and parts that nothing can be learned from."""
        names = self._files["clear"].keys()
        wrong = []
        for part, files in self._files.items():
            if complete and (missing := sorted(names - files.keys())):
                wrong.append(f"{len(missing)} are missing in {top / part}: {name_some(missing)}")
            if alone := sorted(files.keys() - names):
                wrong.append(f"{len(alone)} in {top / part} are not in `clear`: {name_some(alone)}")
        if wrong:
            raise DatasetError(f"{top}: of the pictures, {'; '.join(wrong)}; expected {LAYOUT}")
        if not self._files.keys() & {"hazy", "depth", "labels"}:
            raise DatasetError(f"{top}: clear pictures alone teach nothing; add `hazy`, `depth` or `labels`: {LAYOUT}")
        if "instances" in self._files and "labels" not in self._files:
            raise DatasetError(f"{top}: `instances` need `labels`, which say what they are; expected {LAYOUT}")
        if "depth" in self._files and "hazy" not in self._files and self._facts.depth_unit_m is None:
            raise DatasetError(
                f"{top / 'depth'}: its unit is not known; write it into {FILE} beside the splits, such as "
                "'depth_unit_m: 0.001' for millimetres"
            )

    def _labels(self, path: Path) -> NDArray[np.uint8]:
        assert self.labels is not None  # noqa: S101 - there are labels to read
        labels = read_plane(path, np.uint8)
        if unknown := sorted(set(np.unique(labels).tolist()) - {*range(len(self.labels)), UNLABELLED}):
            raise DatasetError(
                f"{path}: holds id {name_some(unknown)}, but those of {self.labels.name} are 0 to "
                f"{len(self.labels) - 1}, and {UNLABELLED} for unlabelled; choose another set with data.labels"
            )
        return labels

    def _ray_length(self, sample: Sample, depth_file: Path | None) -> Floats:
        """Return metres along each ray, [H, W], from the depth map or else guessed from the labels."""
        width, facts = sample.labels.shape[1], self._facts
        camera = Camera(horizon=facts.horizon, height_m=facts.height_m)
        if facts.focal_px is not None:
            camera = replace(camera, focal=facts.focal_px / width)
        if depth_file is None:
            assert self.labels is not None  # noqa: S101 - without hazy pictures and depth there are labels
            depth = from_labels(sample.labels, sample.image, self.labels, camera)
        else:
            depth = self._depth(sample, depth_file)
        return np.ascontiguousarray(optics.ray_length(depth, focal_px=camera.focal * width))

    def _depth(self, sample: Sample, path: Path) -> Floats:
        """Return the depth map without holes, metres, [H, W]; infinity where sky is labelled."""
        assert self._facts.depth_unit_m is not None  # noqa: S101 - checked when the files were listed
        depth = from_depth_map(read_plane(path, np.uint16), unit_m=self._facts.depth_unit_m)
        if depth.shape != sample.labels.shape:
            raise DatasetError(f"{path}: {list(depth.shape)}, but its picture is {list(sample.labels.shape)}")
        if self.labels is not None:
            sky = [index for index, label in enumerate(self.labels.classes) if label.category == "sky"]
            depth[np.isin(sample.labels, sky)] = np.inf
        if not np.isnan(depth).any():
            return depth
        try:
            return complete(depth, sample.image)
        except DatasetError as error:
            raise DatasetError(f"{path}: {error}") from error


def _pictures(folder: Path) -> dict[str, Path]:
    """Return the pictures in a folder by their names without ending.

    Raises:
        DatasetError: other files are among them, or two pictures have one name.
    """
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if others := [path.name for path in files if path.suffix.lower() not in _PICTURES]:
        raise DatasetError(
            f"{folder}: {len(others)} files are no {', '.join(_PICTURES)}: {name_some(others)}; move them elsewhere"
        )
    pictures = {path.stem: path for path in files}
    if doubles := [path.name for path in files if pictures[path.stem] != path]:
        raise DatasetError(f"{folder}: two pictures have one name: {name_some(doubles)} and one of another ending")
    return pictures
