"""Datasets by name, and what a configuration says of the one that it wants."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dfs_core.data.sample import Split
from dfs_core.errors import ConfigError
from dfs_core.labels import LABEL_SETS, LabelSet


@dataclass(frozen=True)
class DataSpec:
    """Which dataset, and which part of it.

    Attributes:
        name: "camvid", "foggy_cityscapes", "cityscapes", "dhazy", "folder" or "scenes".
        root: its folder; "scenes" needs none, as it draws its own.
        train: the split that is trained on.
        validation: the split that is validated on.
        attenuation: β in 1/m of the pictures to take, of those that "foggy_cityscapes" comes in: 0.005, 0.01 or 0.02.
        refined: for "foggy_cityscapes", a list of the frames to take, one a line: the official refined list. A relative
            path starts at `root`.
        exclude: for "cityscapes", such a list of the frames to leave out.
        geometry: for "cityscapes", whether to read disparity and camera; clear scenes for a segmenter need neither.
        labels: label set of "folder" and "scenes": "camvid-11" or "cityscapes-19".
        train_share: share of "dhazy", or of a "folder" without folders for its splits, that is trained on; the rest is
            validated on.
        seed: of that division, and of the scenes that "scenes" draws.
        count: how many scenes "scenes" draws for training; a quarter as many are drawn for validation.
        size: height and width that "scenes" draws, pixels.
    """

    name: str
    root: Path | None = None
    train: str = "train"
    validation: str = "val"
    attenuation: float = 0.01
    refined: Path | None = None
    exclude: Path | None = None
    geometry: bool = True
    labels: str = "camvid-11"
    train_share: float = 0.8
    seed: int = 1
    count: int = 200
    size: tuple[int, int] = (240, 320)

    def __post_init__(self) -> None:
        """Refuse what names no dataset."""
        if self.name not in DATASETS:
            raise ConfigError(f"data.name must be one of {', '.join(DATASETS)}, not '{self.name}'")
        if self.root is None and self.name != "scenes":
            raise ConfigError(f"data.root is missing: the folder of '{self.name}'; give it with --set data.root=FOLDER")
        if not 0.0 < self.train_share < 1.0:
            raise ConfigError(f"data.train_share must be between 0 and 1, not {self.train_share}")
        if self.count < 4:
            raise ConfigError(f"data.count must be at least 4, not {self.count}")


def _camvid(root: Path, split: str, _: DataSpec) -> Split:
    from dfs_core.data.camvid import CamVid

    return CamVid(root, split)


def _foggy_cityscapes(root: Path, split: str, spec: DataSpec) -> Split:
    from dfs_core.data.foggy_cityscapes import FoggyCityscapes

    return FoggyCityscapes(root, split, attenuation=spec.attenuation, refined=spec.refined)


def _cityscapes(root: Path, split: str, spec: DataSpec) -> Split:
    from dfs_core.data.cityscapes import Cityscapes

    return Cityscapes(root, split, geometry=spec.geometry, exclude=spec.exclude)


def _dhazy(root: Path, split: str, spec: DataSpec) -> Split:
    from dfs_core.data.dhazy import DHazy

    return DHazy(root, split, train_share=spec.train_share, seed=spec.seed)


def _folder(root: Path, split: str, spec: DataSpec) -> Split:
    from dfs_core.data.folder import Folder

    return Folder(root, split, labels_of(spec), train_share=spec.train_share)


def _scenes(_: Path, split: str, spec: DataSpec) -> Split:
    from dfs_core.data.scenes import Scenes

    count = spec.count if split == "train" else spec.count // 4
    return Scenes(labels_of(spec), split, count=count, size=spec.size, seed=spec.seed)


def labels_of(spec: DataSpec) -> LabelSet:
    """Return the label set that a dataset without one of its own is asked to have.

    Raises:
        ConfigError: there is no such set.
    """
    if spec.labels not in LABEL_SETS:
        raise ConfigError(f"data.labels must be one of {', '.join(LABEL_SETS)}, not '{spec.labels}'")
    return LABEL_SETS[spec.labels]


DATASETS: dict[str, Callable[[Path, str, DataSpec], Split]] = {
    "camvid": _camvid,
    "foggy_cityscapes": _foggy_cityscapes,
    "cityscapes": _cityscapes,
    "dhazy": _dhazy,
    "folder": _folder,
    "scenes": _scenes,
}


def open_split(spec: DataSpec, split: str) -> Split:
    """Open one split of a dataset; only the list of its files is read.

    Args:
        spec: which dataset.
        split: "train" or "val", or what else the dataset's layout calls its splits.

    Raises:
        DatasetError: a folder or a file is missing, or the split is empty.
    """
    return DATASETS[spec.name](spec.root or Path(), split, spec)
