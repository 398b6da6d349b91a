"""What every segmenter has in common: an answer that losses look at, and class scores that masks are made of."""

import torch
from torch import nn

from dfs_core.labels import LabelSet


class Segmenter(nn.Module):
    """A network that labels frames.

    Attributes:
        labels: the classes.
        in_colors: whether `forward` answers with a picture in the colours of the classes, RGB in [-1, 1],
            [N, 3, h', w'], as the paper's SEG-NET does, instead of with class logits [N, classes, h', w'].
    """

    in_colors = False

    def __init__(self, labels: LabelSet) -> None:
        super().__init__()
        self.labels = labels

    def scores(self, answer: torch.Tensor) -> torch.Tensor:
        """Return class scores [N, classes, h', w'] of what `forward` answered; the highest one is the class."""
        return answer
