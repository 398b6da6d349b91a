"""What one step does to the weights: (1) the discriminator's update, (2) the network's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from dfs_core.models.synchronized_norm import synchronize
from dfs_core.training.batches import seed_part
from dfs_core.training.config import TrainingConfig
from dfs_core.training.initial import keep_still
from dfs_core.training.optimizers import make_discriminator_optimizer, make_optimizer, set_rate
from dfs_core.training.task import Batch, Losses, Task


class Updates:
    """The networks that a task trains, with their optimisers, shared by all processes.

    A step is computed in parts. The discriminator moves first and on all of them, as in pix2pix; only then the network
    is judged by it. What the network made of the last part is kept in between. What it made of the others would take
    the memory that parts are there to save, so it is made again.

    Attributes:
        optimizer: the network's.
        discriminator_optimizer: None where there is no discriminator.
    """

    def __init__(self, task: Task, config: TrainingConfig, fabric: Fabric) -> None:
        self._task, self._config, self._fabric = task, config, fabric
        self._kept: Any = None
        self._network, self.optimizer = self._share(task.network, make_optimizer)
        self._discriminator: nn.Module | None = None
        self.discriminator_optimizer: Any = None
        if task.discriminator is not None:
            self._discriminator, self.discriminator_optimizer = self._share(
                task.discriminator, make_discriminator_optimizer
            )

    def set_rate(self, rate: float) -> None:
        """Let the next updates have this learning rate; the discriminator's is as far below its own highest."""
        set_rate(self.optimizer, rate)
        if self.discriminator_optimizer is not None:
            config = self._config
            set_rate(self.discriminator_optimizer, config.discriminator_learning_rate * rate / config.learning_rate)

    def update_discriminator(self, parts: Sequence[Batch], seeds: Sequence[Sequence[int]]) -> Losses:
        """Move the discriminator: real pairs up, generated pairs down. Return its loss, or nothing where there is none.

        Args:
            parts: the batches of this process in this step.
            seeds: of each part: the run's seed, the step, the number of the part.
        """
        if self._discriminator is None or self.discriminator_optimizer is None:
            return {}
        task, fabric, last = self._task, self._fabric, len(parts) - 1
        self.discriminator_optimizer.zero_grad()
        total = torch.zeros((), device=fabric.device)
        for part, batch in enumerate(parts):
            output = self._answer(batch, seeds[part], graph=part == last, sync=last == 0)
            with fabric.no_backward_sync(self._discriminator, enabled=part < last):
                with fabric.autocast():
                    with torch.no_grad():
                        pairs = task.pairs(batch, output)
                    loss = task.discriminator_loss(self._discriminator, pairs) / len(parts)
                fabric.backward(loss)
            total += loss.detach()
        self._kept = output
        if self._config.clip is not None:
            self._gradient_norm(self._discriminator, self.discriminator_optimizer)
        self.discriminator_optimizer.step()
        return {"discriminator": total}

    def differentiate(self, parts: Sequence[Batch], seeds: Sequence[Sequence[int]]) -> tuple[Losses, torch.Tensor]:
        """Sum the gradient of the network's loss over the parts, and clip it; return the terms and the norm it had.

        Args:
            parts: the batches of this process in this step.
            seeds: as of `update_discriminator`.
        """
        task, fabric, last = self._task, self._fabric, len(parts) - 1
        order = list(range(len(parts)))
        if self._kept is not None:
            order = [order.pop(), *order]
        self.optimizer.zero_grad()
        sums: Losses = {}
        with _frozen(task.discriminator):
            for turn, part in enumerate(order):
                output, self._kept = self._kept, None
                if output is None:
                    output = self._answer(parts[part], seeds[part], sync=turn == last)
                with fabric.no_backward_sync(self._network, enabled=turn < last):
                    with fabric.autocast():
                        terms = task.losses(parts[part], output)
                        loss = torch.stack(list(terms.values())).sum() / len(parts)
                    del output
                    fabric.backward(loss)
                for name, term in terms.items():
                    sums[name] = sums.get(name, 0.0) + term.detach().float() / len(parts)
        return sums, self._gradient_norm(self._network, self.optimizer)

    def _answer(self, batch: Batch, seed: Sequence[int], *, graph: bool = True, sync: bool) -> Any:
        """Return what the network makes of a part.

        Args:
            batch: the part.
            seed: of its dropout.
            graph: whether to keep what a gradient needs; else it will be made again, so it leaves no trace.
            sync: whether the gradient of this pass is the one that the processes exchange.
        """
        seed_part(*seed)
        with (
            self._fabric.no_backward_sync(self._network, enabled=not sync),
            self._fabric.autocast(),
            torch.set_grad_enabled(graph),
            _untouched([] if graph else list(self._task.network.buffers())),
        ):
            return self._task.forward(self._network, batch)

    def _gradient_norm(self, network: nn.Module, optimizer: Any) -> torch.Tensor:
        """Clip the gradient, if so configured, and return the norm that it had."""
        limit = float("inf") if self._config.clip is None else self._config.clip
        return self._fabric.clip_gradients(network, optimizer, max_norm=limit, error_if_nonfinite=False)

    def _share(self, network: nn.Module, make: Any) -> tuple[nn.Module, Any]:
        """Let all processes train one network with one optimiser."""
        if self._fabric.world_size > 1:
            synchronize(network)
        keep_still(network.train())
        return self._fabric.setup(network, make(self._config, network.parameters()))


@contextmanager
def _frozen(network: nn.Module | None) -> Iterator[None]:
    """Let gradients flow through a network, but not into its weights."""
    if network is None:
        yield
        return
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


@contextmanager
def _untouched(buffers: Sequence[torch.Tensor]) -> Iterator[None]:
    """Put the buffers back as they were: BatchNorm is to count what is made twice only once."""
    before = [buffer.clone() for buffer in buffers]
    yield
    for buffer, value in zip(buffers, before, strict=True):
        buffer.copy_(value)
