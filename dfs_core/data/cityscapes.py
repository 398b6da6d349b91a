"""Cityscapes: 19 classes, 2048x1024 driving frames without fog, and their geometry from a stereo camera.

The geometry is made as Sakaridis, Dai, Van Gool made that of Foggy Cityscapes (IJCV 2018): depth from disparity, its
holes completed, transmission refined by the image. On one core it takes most of the time that a frame takes to read.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfs_core import optics
from dfs_core.data import cityscapes_files as files
from dfs_core.data import completion
from dfs_core.data.depth import Floats, from_disparity
from dfs_core.data.image_file import read_plane, read_rgb
from dfs_core.data.layout import require_files, require_folders
from dfs_core.data.refinement import refine
from dfs_core.data.sample import Sample, Split
from dfs_core.errors import DatasetError
from dfs_core.labels import CITYSCAPES_19

DISPARITY, CAMERA = "disparity", "camera"
LAYOUT = (
    "ROOT/leftImg8bit/SPLIT/CITY/FRAME_leftImg8bit.png with ROOT/gtFine/SPLIT/CITY/FRAME_gtFine_labelIds.png, "
    "ROOT/disparity/SPLIT/CITY/FRAME_disparity.png, ROOT/camera/SPLIT/CITY/FRAME_camera.json and, for all frames or "
    "none, ROOT/gtFine/SPLIT/CITY/FRAME_gtFine_instanceIds.png; FRAME is CITY_SEQ_FRAME, such as aachen_000000_000019"
)

_NAME = "Cityscapes"
_DISPARITY_REST, _CAMERA_REST = "disparity.png", "camera.json"
_SKY = CITYSCAPES_19.id_of("sky")


class Cityscapes(Split):
    """One split of Cityscapes, in the order of the file names."""

    labels = CITYSCAPES_19

    def __init__(
        self, root: Path, split: str, *, geometry: bool = True, exclude: Path | None = None, complete: bool = True
    ) -> None:
        """List the split's files.

        Args:
            root: the folder of Cityscapes.
            split: "train" or "val"; the split of the cities is the official one.
            geometry: whether the samples have ray lengths; without, disparity and camera are neither needed nor read.
            exclude: a list of frames to leave out, in the form of Foggy Cityscapes' refined list; a relative path
                starts at `root`.
            complete: whether to refuse a split that lacks files; otherwise each is missed when its frame is read.

        Raises:
            DatasetError: a folder or a file is missing or misnamed, or no frame is left.
        """
        wanted = {files.CLEAR: files.CLEAR_REST, files.LABELS: files.LABELS_REST}
        if geometry:
            wanted |= {DISPARITY: _DISPARITY_REST, CAMERA: _CAMERA_REST}
        require_folders(_NAME, (root / kind / split for kind in wanted), LAYOUT)
        found = files.find_frames(root, files.CLEAR, split, r"leftImg8bit\.png", dataset=_NAME, layout=LAYOUT)
        frames = [frame for frame, _ in found]
        if exclude is not None:
            frames = _without(frames, root / exclude)
        if complete:
            require_files(_NAME, (frame.path(root, *kind) for frame in frames for kind in wanted.items()), LAYOUT)
        self._root, self._frames, self._geometry = root, frames, geometry
        self._instances = files.has_instances(root, frames, dataset=_NAME, layout=LAYOUT, complete=complete)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        """Read one frame and its geometry.

        Raises:
            DatasetError: a file cannot be decoded, the sizes differ, the labels hold an unknown id, or the camera
                or the disparity cannot be used.
        """
        frame, root = self._frames[index], self._root
        image = read_rgb(frame.path(root, files.CLEAR, files.CLEAR_REST))
        label_path = frame.path(root, files.LABELS, files.LABELS_REST)
        labels = files.read_labels(label_path)
        if labels.shape != image.shape[:2]:
            raise DatasetError(f"{label_path}: {list(labels.shape)}, but its image is {list(image.shape[:2])}")
        instances = frame.path(root, files.LABELS, files.INSTANCES_REST)
        return Sample(
            name=frame.name,
            image=image,
            labels=labels,
            ray_length=self._ray_length(frame, image, labels) if self._geometry else None,
            instances=files.read_instances(instances) if self._instances else None,
        )

    def _ray_length(self, frame: files.Frame, image: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Floats:
        """Return metres along each ray, [H, W]; what is labelled sky is infinitely far, but for its blurred edges."""
        path = frame.path(self._root, DISPARITY, _DISPARITY_REST)
        disparity = read_plane(path, np.uint16)
        if disparity.shape != labels.shape:
            raise DatasetError(f"{path}: {list(disparity.shape)}, but its image is {list(labels.shape)}")
        camera = read_camera(frame.path(self._root, CAMERA, _CAMERA_REST), size=labels.shape)
        depth = from_disparity(disparity, baseline_m=camera.baseline_m, focal_px=camera.focal_px)
        depth[np.isinf(depth)] = np.nan  # where matching failed, stored disparities are often 0 instead of invalid
        depth[labels == _SKY] = np.inf
        try:
            depth = completion.complete(depth, image)
        except DatasetError as error:
            raise DatasetError(f"{path}: {error}") from error
        return refine(optics.ray_length(depth, focal_px=camera.focal_px, center_px=camera.center_px), image)


def _without(frames: list[files.Frame], path: Path) -> list[files.Frame]:
    """Return the frames that the list does not name."""
    left_out = set(files.read_frame_list(path))
    kept = [frame for frame in frames if frame not in left_out]
    if not kept:
        raise DatasetError(f"{path}: names all {len(frames)} frames of the split, so none is left")
    return kept


@dataclass(frozen=True)
class StereoCamera:
    """What a `_camera.json` says.

    Attributes:
        baseline_m: distance of the two cameras, metres.
        focal_px: focal length, pixels.
        center_px: principal point (x, y), pixels.
    """

    baseline_m: float
    focal_px: float
    center_px: tuple[float, float]


def read_camera(path: Path, *, size: tuple[int, ...]) -> StereoCamera:
    """Read a `_camera.json`.

    Args:
        path: the file.
        size: height and width of the camera's image, pixels.

    Raises:
        DatasetError: it is no JSON, lacks a number, or is the camera of an image of another size.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise DatasetError(f"{path}: is not JSON ({error}); copy it again") from error
    baseline, focal, x, y = (
        _number(content, path, *keys)
        for keys in (("extrinsic", "baseline"), ("intrinsic", "fx"), ("intrinsic", "u0"), ("intrinsic", "v0"))
    )
    if not (baseline > 0.0 and focal > 0.0):
        raise DatasetError(f"{path}: baseline {baseline} and fx {focal} must be above 0")
    height, width = size
    if not (0.0 <= x < width and 0.0 <= y < height):
        raise DatasetError(
            f"{path}: the principal point ({x}, {y}) is outside the image of {width}x{height}; "
            "the camera is that of the original size, so use the original images"
        )
    return StereoCamera(baseline, focal, (x, y))


def _number(content: Any, path: Path, group: str, key: str) -> float:
    section = content.get(group) if isinstance(content, dict) else None
    value = section.get(key) if isinstance(section, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        found = "missing" if value is None else value
        raise DatasetError(f"{path}: {group}.{key} must be a finite number, but is {found}; copy the file again")
    return float(value)
