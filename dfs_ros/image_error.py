"""The error for images that cannot be read: a sentence for people, and a short reason to count by."""

from dfs_core.errors import FrameError


class ImageError(FrameError):
    """An image message cannot be read; `reason` is the same few words for every image with that fault."""

    def __init__(self, reason: str, text: str) -> None:
        """Take the reason, such as "step", and what was found, expected and to be done."""
        super().__init__(text)
        self.reason = reason
