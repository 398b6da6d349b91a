"""Frames in, frames out: run a DFS model on whatever this machine has. No training code, no torch, no ROS."""

from dfs_core.runtime.adjustment import Adjustment
from dfs_core.runtime.dehazer import Dehazer, Result
from dfs_core.runtime.loading import BACKENDS, load

__all__ = ["BACKENDS", "Adjustment", "Dehazer", "Result", "load"]
