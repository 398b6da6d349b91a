"""Which class each point of a cloud is of, by the mask of a camera that sees it, and in which colour it is shown."""

import numpy as np
from numpy.typing import NDArray

from dfs_core.labels import UNLABELLED, LabelSet
from dfs_ros.camera_model import CameraModel
from dfs_ros.point_cloud import Points, with_fields

GREY = (128, 128, 128)
"""RGB of points that have no class."""

CLASS_ID, RGB = "class_id", "rgb"


def classes_seen(points: NDArray[np.floating], mask: NDArray[np.uint8], camera: CameraModel) -> NDArray[np.uint8]:
    """Return the class id of the pixel at which each point is seen, [N]; 255 where none is.

    Points hidden behind others get the class of what hides them.

    Args:
        points: in the camera's optical frame (x right, y down, z forward), metres, [3, N].
        mask: class ids, [H, W].
        camera: for images of the mask's size.
    """
    ids = np.full(points.shape[1], UNLABELLED, np.uint8)
    columns, rows = np.floor(camera.project(points.T).T + 0.5)
    height, width = mask.shape
    inside = np.flatnonzero((columns >= 0) & (columns < width) & (rows >= 0) & (rows < height))
    ids[inside] = mask[rows[inside].astype(np.intp), columns[inside].astype(np.intp)]
    return ids


def packed_colors(labels: LabelSet) -> NDArray[np.float32]:
    """Return the colour of each id, [256], as PCL packs it: the bits of a float32 are 0x00RRGGBB. No class: grey."""
    palette = np.full((256, 3), GREY, np.uint32)
    palette[: len(labels)] = labels.palette[: len(labels)]
    red, green, blue = palette.T
    return (red << 16 | green << 8 | blue).view(np.float32)


def painted(points: Points, ids: NDArray[np.uint8], colors: NDArray[np.float32]) -> Points:
    """Return points with the fields `rgb` (float32) and `class_id` (uint8); all else of them is kept.

    Args:
        points: structured array [H, W].
        ids: class id of each point, row by row, [N].
        colors: packed colour of each id, [256].
    """
    answer = with_fields(points, [(RGB, "f4"), (CLASS_ID, "u1")])
    answer[RGB] = colors[ids].reshape(points.shape)
    answer[CLASS_ID] = ids.reshape(points.shape)
    return answer
