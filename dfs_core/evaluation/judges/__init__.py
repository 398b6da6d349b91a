"""Who judges: segmenters of any origin that look at pictures of any origin."""

from dfs_core.evaluation.judges.opening import open_judge

__all__ = ["open_judge"]
