"""What a folder of the user's own data says of its camera and its depth maps: `dataset.yaml`."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import yaml

from dfs_core.errors import DatasetError

FILE = "dataset.yaml"


@dataclass(frozen=True)
class FolderFacts:
    """The keys of `dataset.yaml`; each may be left out where it is not needed.

    Attributes:
        depth_unit_m: metres per unit of the depth maps: 0.001 for millimetres (RealSense), 0.00390625 for KITTI
            (1/256), 0.0002 for TUM RGB-D (1/5000). Needed where there are depth maps.
        focal_px: focal length in pixels of the pictures; 0.87 of their width if not given.
        height_m: the camera's height above the road, where geometry is guessed from labels, metres.
        horizon: row of the horizon as a share of the height, 0 at the top, where geometry is guessed from labels;
            guessed from them too if not given.
    """

    depth_unit_m: float | None = None
    focal_px: float | None = None
    height_m: float = 1.4
    horizon: float | None = None

    @classmethod
    def read(cls, root: Path) -> "FolderFacts":
        """Return what the folder's `dataset.yaml` says; the defaults where there is none.

        Raises:
            DatasetError: it is not YAML, or a key is unknown or no number above 0.
        """
        path = root / FILE
        if not path.is_file():
            return cls()
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise DatasetError(f"{path}: cannot be read as YAML ({error})") from error
        known = ", ".join(entry.name for entry in dataclasses.fields(cls))
        if not isinstance(values, dict):
            raise DatasetError(f"{path}: must hold 'key: number' lines; the keys are {known}")
        if unknown := sorted(str(key) for key in values.keys() - {entry.name for entry in dataclasses.fields(cls)}):
            raise DatasetError(f"{path}: unknown key {', '.join(unknown)}; the keys are {known}")
        for key, value in values.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < math.inf:
                raise DatasetError(f"{path}: {key} must be a number above 0, not {value!r}")
        facts = cls(**values)
        if facts.horizon is not None and facts.horizon >= 1.0:
            raise DatasetError(f"{path}: horizon is a share of the picture's height, below 1, not {facts.horizon}")
        return facts
