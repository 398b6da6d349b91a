"""What lies before and after the network, by compiled kernels that share a frame's rows out among threads."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from dfs_core.runtime.dehazer import Batch, Frames
from dfs_core.runtime.kernels import restore_rows, shrink_rows
from dfs_core.runtime.restoration import bilinear_taps
from dfs_core.runtime.row_pool import RowPool


class FrameKernels:
    """`shrink` and `restore` of `restoration.py` on C-contiguous frames, for one caller at a time."""

    def __init__(self, threads: int) -> None:
        """Start no thread yet.

        Args:
            threads: how many work at once, the caller's included.
        """
        self._pool = RowPool(threads)

    def shrink(self, frames: Batch, low_resolution: NDArray[np.float32]) -> None:
        """Write the frames, N of uint8 [H, W, 3], as the network sees them, float32 [N, 3, h, w]."""
        rows = bilinear_taps(frames[0].shape[0], 2 * low_resolution.shape[2])
        columns = bilinear_taps(frames[0].shape[1], 2 * low_resolution.shape[3])
        for frame, target in zip(frames, low_resolution, strict=True):
            self._pool.run(partial(shrink_rows, frame, rows, columns, target), target.shape[1])

    def restore(self, frames: Batch, restoration: NDArray[np.float32], dehazed: Frames) -> None:
        """Write the frames without fog, uint8 [N, H, W, 3], given the coefficients, float32 [N, 4, h, w]."""
        rows = bilinear_taps(restoration.shape[2], dehazed.shape[1])
        columns = bilinear_taps(restoration.shape[3], dehazed.shape[2])
        for frame, planes, target in zip(frames, restoration, dehazed, strict=True):
            self._pool.run(partial(restore_rows, frame, planes, rows, columns, target), len(frame))

    def close(self) -> None:
        """End the threads."""
        self._pool.close()
