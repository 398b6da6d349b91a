"""How far a training run is: a live bar in a terminal, plain lines elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """Shows steps, smoothed losses, speed and validation figures."""

    def __init__(self, steps: int, batch: int, *, console: Console | None = None, line_every: int = 50) -> None:
        self._console = console or Console()
        self._batch = batch
        self._line_every = line_every
        self._smoothed: dict[str, float] = {}
        self._begun = time.monotonic()
        self._first: int | None = None
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("training", total=steps)

    def __enter__(self) -> "Progress":
        """Start the clock and the bar."""
        self._begun = time.monotonic()
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the bar away."""
        self._bar.stop()

    def step(self, done: int, losses: dict[str, float]) -> None:
        """Take note of one more step."""
        if self._first is None:
            self._first = done - 1
        for name, value in losses.items():
            self._smoothed[name] = 0.95 * self._smoothed.get(name, value) + 0.05 * value
        speed = (done - self._first) * self._batch / max(1e-9, time.monotonic() - self._begun)
        text = " ".join(f"{name} {value:.4f}" for name, value in self._smoothed.items())
        self._bar.update(self._task, completed=done, description=f"{text} | {speed:.1f} images/s")
        if not self._console.is_terminal and done % self._line_every == 0:
            self._console.print(f"step {done}: {text} | {speed:.1f} images/s", soft_wrap=True)

    def figures(self, done: int, figures: dict[str, float]) -> None:
        """Show what a validation found."""
        text = " ".join(f"{name} {value:.4f}" for name, value in figures.items())
        self._console.print(f"step {done}: validation {text}", soft_wrap=True)
