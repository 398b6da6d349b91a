"""What is compared: dehazers of any origin."""

from dfs_core.evaluation.methods.opening import open_method

__all__ = ["open_method"]
