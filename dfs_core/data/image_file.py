"""Read pictures from disk; damaged ones, and ones of another kind, are refused by name."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from dfs_core.errors import DatasetError

_PNG_END = b"IEND\xaeB`\x82"


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Return a picture that is stored in three channels of 8 bits, RGB uint8 [H, W, 3].

    Raises:
        DatasetError: it cannot be read or decoded, or has other channels, such as grey or transparency.
    """
    picture = _decode(path)
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    if channels != 3 or picture.dtype != np.uint8:
        kind = {1: " (grey)", 4: " (transparency)"}.get(channels, "")
        raise DatasetError(
            f"{path}: holds {channels} channels of {picture.dtype}{kind}, but a picture has 3 of uint8; "
            "convert it to plain RGB"
        )
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def read_plane(path: Path, dtype: DTypeLike) -> NDArray[Any]:
    """Return a picture of one channel as it is stored, [H, W].

    Args:
        path: the picture.
        dtype: what its pixels must be, such as uint8 for label ids.

    Raises:
        DatasetError: it cannot be read or decoded, has more channels, or pixels of another type.
    """
    plane = _decode(path)
    if plane.ndim != 2 or plane.dtype != np.dtype(dtype):
        raise DatasetError(
            f"{path}: holds {plane.dtype} {list(plane.shape)}, but {np.dtype(dtype)} [H, W] is expected, one channel; "
            "take the file as the dataset ships it"
        )
    return plane


def _decode(path: Path) -> NDArray[Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    # Older OpenCVs return what they have of a PNG that ends too soon, and none takes an empty buffer.
    whole = bool(content) and (path.suffix != ".png" or _PNG_END in content[-64:])
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if whole else None
    if picture is None:
        raise DatasetError(f"{path}: cannot be decoded; the file is damaged, copy it again")
    return picture
