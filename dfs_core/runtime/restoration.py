"""What lies before and after the network: frames are shrunk for it, and restored at full resolution with what it says.

This is the definition, in plain numpy; the graph of a model file and the compiled kernels are held to it by tests.
Bilinear sampling is everywhere that of half-pixel centres without antialiasing, repeating the edge.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfs_core.runtime.dehazer import Frames

Floats = NDArray[np.float32]


class Taps(NamedTuple):
    """Where each output of a resampling along one axis looks: a pixel, the one after it, and the share of the latter.

    Attributes:
        first: index of the pixel before the sampled position, int32 [size].
        second: index of the pixel after it, the same at the edge, int32 [size].
        weight: share of `second` in [0, 1), the rest is of `first`, float32 [size].
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    weight: Floats


@lru_cache(maxsize=64)
def bilinear_taps(source: int, target: int) -> Taps:
    """Return where each of `target` pixels looks among `source` pixels; the tables are shared and read-only."""
    position = (np.arange(target, dtype=np.float64) + 0.5) * (source / target) - 0.5
    position = np.clip(position, 0.0, source - 1.0)
    first = np.floor(position)
    second = np.minimum(first + 1, source - 1)
    taps = Taps(first.astype(np.int32), second.astype(np.int32), (position - first).astype(np.float32))
    for table in taps:
        table.setflags(write=False)
    return taps


def resize(planes: Floats, height: int, width: int) -> Floats:
    """Return planes [..., H, W] sampled bilinearly at another size, [..., height, width]."""
    rows, columns = bilinear_taps(planes.shape[-2], height), bilinear_taps(planes.shape[-1], width)
    tall = _mix(planes[..., rows.first, :], planes[..., rows.second, :], rows.weight[:, None])
    return _mix(tall[..., columns.first], tall[..., columns.second], columns.weight)


def shrink(frames: Frames, height: int, width: int) -> Floats:
    """Return the frames as the network sees them, float32 [N, 3, height, width] in [0, 1].

    Sampling at twice the size and averaging 2 x 2 keeps large reductions from aliasing.

    Args:
        frames: uint8 [N, H, W, 3].
        height: h, as `Artifact.network_size` gives it.
        width: w.
    """
    planes = np.moveaxis(frames, 3, 1).astype(np.float32)
    doubled = resize(planes, 2 * height, 2 * width)
    count = len(frames)
    return doubled.reshape(count, 3, height, 2, width, 2).mean(axis=(3, 5), dtype=np.float32) / np.float32(255.0)


def restore(frames: Frames, restoration: Floats) -> Frames:
    """Return the frames without fog, gain · frame + offset rounded to uint8 [N, H, W, 3].

    Args:
        frames: uint8 [N, H, W, 3].
        restoration: gain, then the offset of R, G and B in units of [0, 1], float32 [N, 4 or more, h, w] of any size.
    """
    gain_offset = np.moveaxis(resize(restoration[:, :4], *frames.shape[1:3]), 1, 3)
    value = gain_offset[..., :1] * frames + np.float32(255.0) * gain_offset[..., 1:]
    return np.rint(np.clip(value, 0.0, 255.0)).astype(np.uint8)


def _mix(first: Floats, second: Floats, weight: Floats) -> Floats:
    return first + (second - first) * weight
