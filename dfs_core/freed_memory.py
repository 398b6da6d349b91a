"""Memory that is freed and asked for again at once, as that of images and of features is."""

import ctypes
import os

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4  # of glibc's malloc.h
_KEPT_BYTES, _LARGEST_HEAP_BLOCK, _MOST_BYTES = 256 << 20, 32 << 20, 2**31 - 1
_THREAD_HEAP_BYTES = 64 << 20  # of glibc's arena.c, HEAP_MAX_SIZE


def keep_freed_memory(*, of_any_size: bool = False) -> bool:
    """Let malloc keep what is freed, up to 256 MB in blocks of up to 32 MB, and say whether it does.

    By default glibc hands megabytes back to the kernel after each image and faults them in again for the next, which
    costs several times the copy. Other C libraries have no such knob. What the user has set is left alone.

    The threads beside the first take memory from heaps of 64 MB. Of these glibc gives back each but the first as soon
    as it is empty, whatever the threshold for trimming, unless all of it counts as padding. To have all threads share
    one heap would do as well, but only if asked for before there is any thread, and importing rclpy starts some.

    Args:
        of_any_size: keep blocks of any size, and 2 GB of them. A training step on a processor frees gigabytes of
            features that the next one asks for again.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {_M_TRIM_THRESHOLD: _MOST_BYTES if of_any_size else _KEPT_BYTES, _M_TOP_PAD: _THREAD_HEAP_BYTES}
    settings |= {_M_MMAP_MAX: 0} if of_any_size else {_M_MMAP_THRESHOLD: _LARGEST_HEAP_BLOCK}
    return all(mallopt(parameter, value) for parameter, value in settings.items())
