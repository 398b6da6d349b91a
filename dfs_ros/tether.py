"""Run a module as `python -m dfs_ros.tether PARENT MODULE [ARGUMENTS]` that ends when the process PARENT does.

Even a parent that is killed outright leaves nothing behind then. Where the system has no such service (it is Linux's),
the module just runs.
"""

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tie_to_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends; end it now if that has happened already."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(1)


if __name__ == "__main__":
    tie_to_parent(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
