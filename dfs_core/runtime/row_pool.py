"""Share the rows of a picture out among a few threads of our own."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise

_FEWEST_ROWS = 16
"""Fewer rows than this are not worth waking a thread for."""


def usable_processors() -> int:
    """Return how many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class RowPool:
    """Threads that work on ranges of rows at the same time; the caller's thread takes the first range.

    Numba's own threading layers are not used: one of them must not be entered by two threads at once, which is what
    two models in one process would do.
    """

    def __init__(self, threads: int) -> None:
        """Start no thread yet.

        Args:
            threads: how many work at once, the caller's included.
        """
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads - 1, thread_name_prefix="dfs-rows") if threads > 1 else None

    def run(self, work: Callable[[int, int], None], rows: int) -> None:
        """Call `work(start, stop)` for ranges that cover all rows, and return when every one is done.

        An error in any range is raised here, once no range runs any more.
        """
        parts = max(1, min(self._threads, rows // _FEWEST_ROWS))
        edges = [rows * part // parts for part in range(parts + 1)]
        if self._executor is None or parts == 1:
            work(0, rows)
            return
        futures = [self._executor.submit(work, *edge) for edge in pairwise(edges[1:])]
        try:
            work(0, edges[1])
        finally:
            wait(futures)
        for future in futures:
            future.result()

    def close(self) -> None:
        """End the threads."""
        if self._executor is not None:
            self._executor.shutdown()
