"""BatchNorm over the batch of all processes, on CPUs and GPUs alike, which torch's SyncBatchNorm is not."""

from typing import Any

import torch
from torch import distributed, nn
from torch.nn import functional as F


class SynchronizedBatchNorm2d(nn.BatchNorm2d):
    """A BatchNorm2d whose statistics in training are those of all processes' batches together.

    Every process must pass through it equally often. In one process, and in evaluation mode, it is BatchNorm2d itself.
    Batches may differ in size between processes.
    """

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the normalised features, [N, C, H, W] for [N, C, H, W]."""
        learns = self.training or self.running_mean is None
        if not learns or not distributed.is_initialized() or distributed.get_world_size() == 1:
            return super().forward(features)
        self._check_input_dim(features)
        values = features.to(torch.promote_types(features.dtype, torch.float32))
        mean, variance, count = _statistics(values)
        if self.training and self.running_mean is not None:
            self._follow(mean.detach(), variance.detach() * (count / (count - 1.0)))
        scale = torch.rsqrt(variance + self.eps)
        if self.affine:
            scale = self.weight * scale
        shift = -mean * scale
        if self.affine:
            shift = self.bias + shift
        normalized = torch.addcmul(shift[:, None, None], values, scale[:, None, None])
        return normalized.to(features.dtype)

    @torch.no_grad()
    def _follow(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """Move the running statistics towards those of the batch."""
        assert self.num_batches_tracked is not None  # noqa: S101 - it is where running statistics are
        assert self.running_mean is not None  # noqa: S101
        assert self.running_var is not None  # noqa: S101
        self.num_batches_tracked.add_(1)
        share = 1.0 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def synchronize(network: nn.Module) -> None:
    """Turn every BatchNorm2d inside a network into a synchronised one; weights, averages and their names stay."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.BatchNorm2d:
                setattr(parent, name, _synchronized(child))


def _synchronized(norm: nn.BatchNorm2d) -> SynchronizedBatchNorm2d:
    twin = SynchronizedBatchNorm2d(
        norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats, device="meta"
    )
    for name, value in (*norm.named_parameters(), *norm.named_buffers()):
        setattr(twin, name, value)
    return twin.train(norm.training)


def _statistics(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mean [C], biased variance [C] and count [] over all processes.

    Each process fills its own row of a table, which the sum over the processes then completes: means are subtracted
    before anything is squared, so that nothing is lost where they are large (Chan et al., 1979).
    """
    variance, mean = torch.var_mean(values, dim=(0, 2, 3), correction=0)
    count = mean.new_tensor([values.numel() // values.shape[1]])
    row = torch.cat([mean, variance, count])[None]
    rank, processes = distributed.get_rank(), distributed.get_world_size()
    table = _Sum.apply(F.pad(row, (0, 0, rank, processes - 1 - rank)))  # type: ignore[no-untyped-call]
    means, variances, counts = table.split([len(mean), len(mean), 1], dim=1)
    shares = counts / counts.sum()
    whole_mean = (shares * means).sum(dim=0)
    whole_variance = (shares * (variances + (means - whole_mean).square())).sum(dim=0)
    return whole_mean, whole_variance, counts.detach().sum()


class _Sum(torch.autograd.Function):
    """The sum over all processes, differentiable; torch has deprecated its own without one that old versions know."""

    @staticmethod
    def forward(_ctx: Any, tensor: torch.Tensor) -> torch.Tensor:
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total
