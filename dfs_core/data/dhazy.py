"""D-HAZY: 1449 indoor scenes of NYU Depth v2 with and without haze, 640x480, without labels.

The dataset is Ancuti, Ancuti, De Vleeschouwer, "D-HAZY: A Dataset to Evaluate Quantitatively Dehazing Algorithms", ICIP
2016. Its pictures have one size and, as those of NYU Depth v2, a white frame of some pixels. The depth in it is scaled
to 8 bits scene by scene, so it gives no metres and is left alone.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dfs_core.data.image_file import read_rgb
from dfs_core.data.layout import refuse_misnamed, require_files, require_folders
from dfs_core.data.sample import Sample, Split
from dfs_core.errors import DatasetError
from dfs_core.labels import UNLABELLED

HAZY, CLEAR = "NYU_Hazy", "NYU_GT"
LAYOUT = "ROOT/NYU_Hazy/N_Hazy.bmp with ROOT/NYU_GT/N_Image_.bmp (and N_Depth_.bmp), N from 1"
SPLITS = ("train", "val")

_NAME = "D-HAZY"


class DHazy(Split):
    """One part of D-HAZY's pairs, in the order of their numbers.

    The dataset has no splits of its own: the pairs are shuffled with a seed, and the first share is for training.
    """

    labels = None

    def __init__(
        self, root: Path, split: str, *, train_share: float = 0.8, seed: int = 1, complete: bool = True
    ) -> None:
        """List the part's files.

        Args:
            root: the folder that holds NYU_Hazy and NYU_GT.
            split: "train" or "val".
            train_share: share of the pairs that "train" gets, in (0, 1); the rest is "val".
            seed: of the shuffle.
            complete: whether to refuse a split that lacks files; otherwise each is missed when its frame is read.

        Raises:
            DatasetError: a folder or a file is missing or misnamed, or the part is empty.
        """
        if split not in SPLITS:
            raise DatasetError(f"{_NAME}: no split '{split}', only {' and '.join(SPLITS)}")
        require_folders(_NAME, (root / HAZY, root / CLEAR), LAYOUT)
        hazy = _numbers((root / HAZY).glob("*.bmp"), r"([1-9]\d*)_Hazy\.bmp")
        clear = _numbers((root / CLEAR).glob("*.bmp"), r"([1-9]\d*)_(?:Image|Depth)_\.bmp")
        numbers = sorted(hazy | clear)
        if complete:
            require_files(_NAME, (path for number in numbers for path in _pair(root, number)), LAYOUT)
        train = round(train_share * len(numbers))
        order = np.random.default_rng(seed).permutation(len(numbers))
        chosen = order[:train] if split == "train" else order[train:]
        if not chosen.size:
            raise DatasetError(f"{_NAME}: {len(numbers)} pairs in {root} leave none for '{split}'; expected {LAYOUT}")
        self._root, self._numbers = root, [numbers[place] for place in sorted(chosen)]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self._numbers)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        """Read one pair; all of it is unlabelled.

        Raises:
            DatasetError: a file cannot be decoded, or the sizes differ.
        """
        number = self._numbers[index]
        hazy, clear = (read_rgb(path) for path in _pair(self._root, number))
        return Sample(str(number), clear, np.full(clear.shape[:2], UNLABELLED, np.uint8), hazy=hazy)


def _numbers(paths: Iterable[Path], pattern: str) -> set[int]:
    """Return the numbers of the scenes that have one of these files."""
    names = {path: re.fullmatch(pattern, path.name) for path in paths if not path.name.startswith(".")}
    refuse_misnamed(_NAME, sorted(path for path, match in names.items() if match is None), LAYOUT)
    return {int(match[1]) for match in names.values() if match}


def _pair(root: Path, number: int) -> tuple[Path, Path]:
    return root / HAZY / f"{number}_Hazy.bmp", root / CLEAR / f"{number}_Image_.bmp"
