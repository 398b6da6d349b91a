"""Which items each process takes in each step, and the loader that brings them."""

import itertools
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Sampler

from dfs_core.errors import ConfigError, DfsError
from dfs_core.training.config import TrainingConfig
from dfs_core.training.task import Batch, Task


@dataclass(frozen=True)
class Deal(Sampler[list[int]]):
    """Deals items to the processes: step s takes s·batch to s·batch + batch - 1, however many processes there are.

    A step's batch is cut into parts, which are computed one after another, and each part into a slot for every process.
    So the items of a part, over which BatchNorm takes its averages, are the same for any number of processes.

    Attributes:
        batch: items of a step, over all processes.
        parts: of a step.
        start: first step.
        steps: steps of the whole run.
        rank: number of this process.
        processes: how many there are.

    Raises:
        ConfigError: the batch cannot be cut into equal slots.
    """

    batch: int
    parts: int
    start: int
    steps: int
    rank: int = 0
    processes: int = 1

    def __post_init__(self) -> None:
        """Refuse a batch that cannot be cut."""
        if self.batch % (self.processes * self.parts):
            raise ConfigError(
                f"batch is {self.batch}, which {self.processes} processes with accumulate={self.parts} cannot share "
                f"evenly; set batch to a multiple of {self.processes * self.parts}"
            )

    def __len__(self) -> int:
        """Return the number of slots that this process computes."""
        return (self.steps - self.start) * self.parts

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the items of each slot of this process."""
        size = self.batch // (self.processes * self.parts)
        for step, part in itertools.product(range(self.start, self.steps), range(self.parts)):
            first = step * self.batch + self.slot(part) * size
            yield list(range(first, first + size))

    def slot(self, part: int) -> int:
        """Return the number of a part of this process among the slots of a step."""
        return part * self.processes + self.rank


def load_parts(task: Task, config: TrainingConfig, deal: Deal, fabric: Fabric) -> Iterator[list[Batch]]:
    """Yield the parts of each step, on the device, pictures in the memory layout that convolutions like best.

    Raises:
        DatasetError: a sample cannot be read.
    """
    # Before workers are forked: a child that ends OpenCV's threads, which it has not inherited, waits for ever.
    cv2.setNumThreads(1)
    loader = DataLoader(
        task.stream(deal.steps * deal.batch),
        batch_sampler=deal,
        num_workers=config.workers,
        pin_memory=fabric.device.type == "cuda",
        worker_init_fn=_begin_worker,
    )
    batches = iter(loader)
    try:
        while parts := [_prepared(batch, fabric) for batch in itertools.islice(batches, deal.parts)]:
            yield parts
    except DfsError as error:  # a worker's, which torch wraps into the worker's traceback
        _, _, last = str(error).rstrip().rpartition("\n")
        raise type(error)(last.removeprefix(f"{type(error).__module__}.{type(error).__qualname__}: ")) from error
    finally:
        # An error keeps the frames that hold the workers, and as these ignore SIGTERM, the end of Python would wait.
        if config.workers > 0:
            batches._shutdown_workers()  # type: ignore[attr-defined]


def seed_part(seed: int, step: int, slot: int) -> None:
    """Seed torch for one slot of one step, so that dropout is the same however often the run was stopped."""
    state = np.random.SeedSequence([seed, step, slot]).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))


def _prepared(batch: Batch, fabric: Fabric) -> Batch:
    batch = fabric.to_device(batch)
    return {
        name: value.contiguous(memory_format=torch.channels_last)
        if isinstance(value, torch.Tensor) and value.ndim == 4
        else value
        for name, value in batch.items()
    }


def _begin_worker(_: int) -> None:
    """Leave Ctrl-C and SIGTERM to the process that trains."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
