"""What happened since the last row of the log: means of the steps' values, speed, and time spent waiting for data."""

import time
from collections.abc import Iterator, Mapping
from typing import TypeVar

Item = TypeVar("Item")


class Meter:
    """Times the steps of a run and averages what they gave.

    Attributes:
        seconds: that the last step took.
        waited: of these, for data.
    """

    def __init__(self, batch: int) -> None:
        self.seconds = self.waited = 0.0
        self._batch = batch
        self._begun = 0.0
        self._forget()

    def waiting(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yield what an iterator yields, each at the beginning of a step, and time how long it let the step wait."""
        while True:
            self._begun = time.perf_counter()
            try:
                item = next(items)
            except StopIteration:
                return
            self.waited = time.perf_counter() - self._begun
            yield item

    def take(self, values: Mapping[str, float]) -> None:
        """End a step that gave these values."""
        self.seconds = time.perf_counter() - self._begun
        self._steps += 1
        self._busy += self.seconds
        self._idle += self.waited
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def row(self) -> dict[str, float]:
        """Return the means since the last row, and the speed and share of waiting, and begin anew."""
        row = {name: total / self._steps for name, total in self._sums.items()}
        if self._steps:
            row["speed/images_per_s"] = self._batch * self._steps / self._busy
            row["speed/data_wait_share"] = self._idle / self._busy
        self._forget()
        return row

    def _forget(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps, self._busy, self._idle = 0, 0.0, 0.0
