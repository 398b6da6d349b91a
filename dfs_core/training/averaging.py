"""The moving average of a network's weights, which is what is validated and exported."""

import copy

import torch
from torch import nn


class Average:
    """Follows a network.

    Attributes:
        network: the average, in evaluation mode and without gradients.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        pairs = list(zip(self.network.state_dict().values(), network.state_dict().values(), strict=True))
        smooth = [pair for pair in pairs if pair[0].is_floating_point()]
        self._means = [mean for mean, _ in smooth]
        self._values = [value for _, value in smooth]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def follow(self, *, keep: float) -> None:
        """Move towards the network as it is now.

        Args:
            keep: share of the average that stays, in [0, 1); 0 makes it the network itself.
        """
        torch._foreach_lerp_(self._means, self._values, 1.0 - keep)
        for mean, value in self._counters:
            mean.copy_(value)


def kept_share(step: int, share: float) -> float:
    """Return the share of the average that step `step`, counted from 0, keeps: less at first, when it knows nothing."""
    return min(share, (step + 1) / (step + 10))
