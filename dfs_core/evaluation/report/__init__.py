"""The report: what an evaluation found, for people (a page, Markdown, panels) and for machines (JSON)."""

from dfs_core.evaluation.report.folder import write

__all__ = ["write"]
