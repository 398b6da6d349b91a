"""Keep a split in memory, so that an epoch does not read and parse it again."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from dfs_core.data.sample import Sample, Split

GIB = 1 << 30

Watch = Callable[[Iterable[Sample], int], Iterable[Sample]]


class Cached(Split):
    """A split whose samples were read once, if all of them fit; else it reads each when it is asked for.

    Processes that are forked afterwards share the memory, as the workers of a data loader do.

    Attributes:
        labels: those of the split.
        kept: whether the samples are in memory.
    """

    def __init__(self, split: Split, limit_bytes: int = 4 * GIB, *, watch: Watch | None = None) -> None:
        """Read the split with all cores, unless samples as large as its first one would exceed the limit.

        Args:
            split: what to keep.
            limit_bytes: that it may take.
            watch: is given the samples as they are read and their number, and yields them again: a progress bar.

        Raises:
            DatasetError: a sample cannot be read.
        """
        self.labels = split.labels
        self._split = split
        self._samples: list[Sample] | None = None
        if len(split) * sum(plane.nbytes for plane in split[0].planes().values()) <= limit_bytes:
            with ThreadPoolExecutor(os.cpu_count()) as readers:
                samples: Iterable[Sample] = readers.map(split.__getitem__, range(len(split)))
                self._samples = list(samples if watch is None else watch(samples, len(split)))

    @property
    def kept(self) -> bool:
        """Whether the samples are in memory."""
        return self._samples is not None

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._split)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        """Return one sample; a sample in memory must not be changed."""
        return self._split[index] if self._samples is None else self._samples[index]
