"""Where a segmenter's answer meets the labels: pixel by pixel, at the labels' size."""

from typing import NamedTuple

import torch
from torch.nn import functional as F

from dfs_core.errors import LabelError
from dfs_core.labels import UNLABELLED
from dfs_core.losses.target import SegmentationTarget


class Pixels(NamedTuple):
    """What is said of each pixel, and what is true.

    Attributes:
        answer: what the segmenter says, float32 [N, channels, H, W].
        labels: class ids, int64 [N, 1, H, W]; 0 where nothing is labelled, so that they can be used as an index.
        labelled: which pixels count, bool [N, 1, H, W].
    """

    answer: torch.Tensor
    labels: torch.Tensor
    labelled: torch.Tensor


def at_labels(answer: torch.Tensor, target: SegmentationTarget, *, channels: int) -> Pixels:
    """Bring an answer to the labels' size bilinearly; the labels stay as they are.

    Args:
        answer: [N, channels, h, w], of any floating type.
        target: the truth.
        channels: how many the answer must have.

    Raises:
        LabelError: the answer has another number of channels, or the labels hold an id that is no class.
    """
    if answer.shape[1] != channels:
        raise LabelError(
            f"the segmenter answers with {answer.shape[1]} channels, shape {list(answer.shape)}, but this term of L_seg"
            f" needs {channels}, for {len(target.colors)} classes; compare the label sets, and choose terms that want "
            "what the segmenter gives: logits or colours"
        )
    labelled = target.labels != UNLABELLED
    labels = target.labels.where(labelled, 0)
    if labels.numel() and not 0 <= (wrong := _furthest(labels)) < len(target.colors):
        raise LabelError(f"the labels hold id {wrong}, but there are {len(target.colors)} classes")
    answer = answer.float().contiguous()  # channels last would make softmax over them slow
    if answer.shape[-2:] != labels.shape[-2:]:
        answer = F.interpolate(answer, size=labels.shape[-2:], mode="bilinear", align_corners=False)
    return Pixels(answer, labels[:, None], labelled[:, None])


def probabilities(logits: torch.Tensor, target: SegmentationTarget) -> Pixels:
    """Return the probability of each class, [N, classes, H, W] in [0, 1], as the answer; see `at_labels`."""
    pixels = at_labels(logits, target, channels=len(target.colors))
    return pixels._replace(answer=F.softmax(pixels.answer, dim=1))


def _furthest(labels: torch.Tensor) -> int:
    """Return the lowest id where it is negative, else the highest."""
    lowest, highest = (int(bound) for bound in labels.aminmax())
    return min(lowest, 0) or highest
