"""What lies before and after the network, by compiled kernels that share a frame's rows out among threads."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from dfs_core.runtime.channel_order import as_lies, has_blue_first
from dfs_core.runtime.dehazer import Batch
from dfs_core.runtime.kernels import restore_rows, shrink_rows
from dfs_core.runtime.label_kernel import best_rows, label_rows
from dfs_core.runtime.restoration import bilinear_taps
from dfs_core.runtime.row_pool import RowPool


class FrameKernels:
    """`shrink` and `restore` of `restoration.py`, and the mask out of class scores, for one caller at a time.

    Frames are C-contiguous, or the view [..., ::-1] of what is: RGB for the caller, and B, G, R in memory, as most
    cameras send it. Neither is copied.
    """

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
            blue_first = has_blue_first(frame)
            memory = frame[..., ::-1] if blue_first else frame
            self._pool.run(partial(shrink_rows, memory, rows, columns, target, blue_first), target.shape[1])

    def restore(self, frames: Batch, restoration: NDArray[np.float32], dehazed: Batch) -> None:
        """Write the frames without fog, N of uint8 [H, W, 3], given the coefficients, float32 [N, 4 or more, h, w].

        What lies as the frame does is written at once; else it costs a copy.
        """
        rows = bilinear_taps(restoration.shape[2], frames[0].shape[0])
        columns = bilinear_taps(restoration.shape[3], frames[0].shape[1])
        for frame, planes, target in zip(frames, restoration, dehazed, strict=True):
            blue_first = has_blue_first(target)
            if has_blue_first(frame) != blue_first:
                frame = as_lies(frame, blue_first=blue_first)  # noqa: PLW2901
            source, memory = (array[..., ::-1] if blue_first else array for array in (frame, target))
            self._pool.run(partial(restore_rows, source, planes, rows, columns, memory, blue_first), len(frame))

    def label(self, scores: NDArray[np.float32], height: int, width: int) -> NDArray[np.uint8]:
        """Return the class ids of the highest of class scores [N, C, h', w'], once these are resized: [N, h, w]."""
        rows, columns = bilinear_taps(scores.shape[2], height), bilinear_taps(scores.shape[3], width)
        masks = np.empty((len(scores), height, width), np.uint8)
        for planes, mask in zip(scores, masks, strict=True):
            labels = np.empty(planes.shape[1:], np.uint8)
            self._pool.run(partial(best_rows, planes, labels), len(labels))
            self._pool.run(partial(label_rows, planes, labels, rows, columns, mask), height)
        return masks

    def close(self) -> None:
        """End the threads."""
        self._pool.close()
