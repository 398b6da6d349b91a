"""Scenes that come in fog, or are put into it, from a folder in any layout that DFS knows."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfs_core.data import foggy_cityscapes
from dfs_core.data.camvid import CamVid
from dfs_core.data.cityscapes import Cityscapes
from dfs_core.data.dhazy import DHazy
from dfs_core.data.fog import Fog, apply_fog
from dfs_core.data.foggy_cityscapes import FoggyCityscapes
from dfs_core.data.folder import Folder
from dfs_core.data.sample import Sample, Split
from dfs_core.data.scenes import Scenes
from dfs_core.data.sequences import sequence_of
from dfs_core.errors import ConfigError, DatasetError
from dfs_core.evaluation.results import EVERYTHING
from dfs_core.labels import LabelSet

Image = NDArray[np.uint8]

DENSITIES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05)
"""Attenuation coefficients in 1/m of the fogs that scenes are put into where nothing else is asked for."""

AIRLIGHT = (0.85, 0.85, 0.85)

SENSOR_NOISE = 0.004
"""Standard deviation of the noise that is added with the fog, of 1; it hides from networks what rounding would tell."""

DRAWN = "scenes"
DRAWN_COUNT, DRAWN_SIZE = 100, (360, 480)


@dataclass(frozen=True)
class Layout:
    """What evaluation knows of a layout.

    Attributes:
        marks: folders by which it is known; {split} stands for the split's name.
        open: reads a split of a folder whose ids mean these labels where it does not say so itself.
        part: the recording that a frame of some name belongs to.
        things: where the instances come from, in words.
        geometry: where the distances come from that scenes are put into fog with, in words.
    """

    marks: tuple[str, ...]
    open: Callable[[Path, str, LabelSet], Split]
    part: Callable[[str], str]
    things: str
    geometry: str = ""


def _first_word(name: str) -> str:
    return name.partition("_")[0]


def _undivided(_: str) -> str:
    return EVERYTHING


def _open_foggy(root: Path, split: str, _: LabelSet) -> Split:
    lightest = foggy_cityscapes.densities(root, split)[0]
    return FoggyCityscapes(root, split, attenuation=lightest, complete=False)


LAYOUTS = {
    "foggy_cityscapes": Layout((foggy_cityscapes.HAZY,), _open_foggy, _first_word, "the dataset's"),
    "cityscapes": Layout(
        ("leftImg8bit", "gtFine"),
        lambda root, split, _: Cityscapes(root, split, complete=False),
        _first_word,
        "the dataset's",
        "distances from the stereo camera's disparity",
    ),
    "dhazy": Layout(("NYU_Hazy",), lambda root, split, _: DHazy(root, split, complete=False), _undivided, "none"),
    "camvid": Layout(
        ("{split}/images", "{split}/labels"),
        lambda root, split, _: CamVid(root, split, complete=False),
        _first_word,
        "connected regions of a class, as the dataset has none: things that touch count as one",
        "distances guessed from the labels",
    ),
    "folder": Layout(
        ("{split}/clear",),
        lambda root, split, labels: Folder(root, split, labels, complete=False),
        sequence_of,
        "the folder's, or connected regions of a class where it has none",
        "the folder's depth, or distances guessed from the labels",
    ),
    DRAWN: Layout(
        (),
        lambda _, split, labels: Scenes(labels, split, count=DRAWN_COUNT, size=DRAWN_SIZE),
        _undivided,
        "exact",
        "exact distances",
    ),
}
"""The layouts by name, in the order in which a folder is tried for them."""


@dataclass(frozen=True)
class Scene:
    """One scene, of which `FoggyScenes.hazy` gives the fogs.

    Attributes:
        sample: the scene without fog.
        part: the recording that it belongs to.
        number: of the scene in its split.
    """

    sample: Sample
    part: str
    number: int


class FoggyScenes:
    """The scenes of one split, and how each looks in fog of every density.

    Attributes:
        name: of the data, such as "camvid/val".
        labels: what the ids in the samples' labels mean; None where there are no labels.
        densities: attenuation coefficients in 1/m; (None,) where scenes come in a fog that nobody measured.
        fog: where the fog comes from, in words.
        things: where the instances come from, in words.
    """

    def __init__(
        self, source: str, *, split: str = "val", betas: Sequence[float] = (), labels: LabelSet, limit: int, seed: int
    ) -> None:
        """List the scenes.

        Args:
            source: "scenes" for drawn ones, a folder, or LAYOUT:FOLDER with one of `LAYOUTS`.
            split: "train", "val", or what else the layout has.
            betas: attenuation in 1/m of the fogs, each counted once; all that there are, or `DENSITIES`, if none is
                given.
            labels: what ids mean in data that does not say so itself.
            limit: how many scenes to take, spread evenly over the split; 0 takes all.
            seed: of the fog's noise.

        Raises:
            DatasetError: the folder has no layout that is known, or lacks folders.
            ConfigError: these fogs cannot be had, or the limit or an attenuation is negative.
        """
        if limit < 0:
            raise ConfigError(f"the number of scenes must be at least 0, not {limit}")
        if wrong := [beta for beta in betas if not 0.0 <= beta < math.inf]:
            raise ConfigError(f"attenuation must be a finite number >= 0 per metre, not {wrong[0]:g}")
        betas = tuple(dict.fromkeys(betas))
        name, root = _recognise(source, split)
        layout = LAYOUTS[name]
        self._part, self._seed = layout.part, seed
        self._split = layout.open(root, split, labels)
        self._foggy: dict[float, FoggyCityscapes] = {}
        self.labels, self.things = self._split.labels, layout.things
        self.name = f"{DRAWN if name == DRAWN else root.resolve().name}/{split}"
        self.densities: tuple[float | None, ...] = betas or DENSITIES
        self.fog = (
            f"added by Koschmieder's law with {layout.geometry}; airlight {AIRLIGHT[0]:g}, noise {SENSOR_NOISE:g}"
        )
        if name == "foggy_cityscapes":
            known = foggy_cityscapes.densities(root, split)
            if strangers := [beta for beta in betas if beta not in known]:
                raise ConfigError(
                    f"{root}: comes in fogs of β = {', '.join(f'{beta:g}' for beta in known)} / m, not "
                    f"{strangers[0]:g}; name some of these with --beta, or leave it out"
                )
            self._foggy = {
                beta: FoggyCityscapes(root, split, attenuation=beta, complete=False) for beta in betas or known
            }
            self.densities, self.fog = tuple(self._foggy), "the dataset's own"
        elif name == "dhazy" or (isinstance(self._split, Folder) and self._split.comes_in_fog):
            if betas:
                raise ConfigError(f"{root}: its scenes come in a fog of their own; leave --beta out")
            self.densities, self.fog = (None,), "the dataset's own, of a density that it does not state"
        total = len(self._split)
        places = np.linspace(0, total - 1, min(limit, total)) if limit else np.arange(total)
        self._numbers = np.rint(places).astype(int).tolist()

    def __len__(self) -> int:
        """Return the number of scenes."""
        return len(self._numbers)

    def __getitem__(self, index: int) -> Scene:
        """Read one scene.

        Raises:
            DatasetError: one of its files is missing or damaged.
        """
        number = self._numbers[index]
        sample = self._split[number]
        return Scene(sample, self._part(sample.name), number)

    def hazy(self, scene: Scene, beta: float | None) -> Image:
        """Return a scene in fog, RGB uint8 [H, W, 3].

        Args:
            scene: one of these.
            beta: one of `densities`.

        Raises:
            DatasetError: its file is missing or damaged, or the scene has neither fog nor distances.
        """
        if beta is not None and beta in self._foggy:
            return self._foggy[beta].hazy(scene.number)
        if beta is None and scene.sample.hazy is not None:
            return scene.sample.hazy
        if beta is None or scene.sample.ray_length is None:
            raise DatasetError(f"{scene.sample.name}: has neither a picture in fog nor distances to put fog into it")
        rng = np.random.default_rng([self._seed, scene.number])
        fog = Fog(beta, AIRLIGHT, noise=SENSOR_NOISE)
        return apply_fog(scene.sample.image, scene.sample.ray_length, fog, rng).hazy


def find_layout(root: Path, split: str) -> str | None:
    """Return the name of the layout whose folders are in a folder; None where there are those of none."""
    for name, layout in LAYOUTS.items():
        if layout.marks and all((root / mark.format(split=split)).is_dir() for mark in layout.marks):
            return name
    return None


def _recognise(source: str, split: str) -> tuple[str, Path]:
    """Return the name of the layout and the folder that a user means.

    Raises:
        DatasetError: there is no such folder, or its layout is not known.
    """
    if source == DRAWN:
        return DRAWN, Path()
    named, _, rest = source.partition(":")
    if rest and named in LAYOUTS:
        return named, Path(rest)
    root = Path(source)
    names = ", ".join(name for name in LAYOUTS if name != DRAWN)
    if not root.is_dir():
        raise DatasetError(
            f"{source}: no such folder; give a folder, LAYOUT:FOLDER with one of {names}, or '{DRAWN}' for drawn scenes"
        )
    if (found := find_layout(root, split)) is not None:
        return found, root
    marks = {name: [mark.format(split=split) for mark in layout.marks] for name, layout in LAYOUTS.items()}
    looked_for = "; ".join(f"{name}: {' and '.join(folders)}" for name, folders in marks.items() if folders)
    raise DatasetError(
        f"{root}: has the folders of no layout for the split '{split}' (looked for {looked_for}). A folder with "
        "`clear` but no splits is folder:FOLDER; pictures and videos without ground truth are for --no-reference"
    )
