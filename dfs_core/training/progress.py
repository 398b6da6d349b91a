"""How far a training run is: a live display in a terminal, plain lines elsewhere."""

import datetime as dt
from collections.abc import Iterable, Mapping
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

SMOOTHING = 0.95
LINES = 20
"""Lines in all that a run prints where nobody watches, or one each 50 steps where that is more."""


class Progress:
    """Shows steps, smoothed loss terms, speed, time left, share of the time spent waiting for data, and figures."""

    def __init__(
        self, steps: int, batch: int, *, console: Console | None = None, line_every: int | None = None
    ) -> None:
        self._console = console or Console()
        self._steps, self._batch = steps, batch
        self._line_every = line_every or max(1, min(50, steps // LINES))
        self._smoothed: dict[str, float] = {}
        self._seen = 0
        self._bar = _Display(self._console)
        self._task = self._bar.add_task("training", total=steps)

    def __enter__(self) -> "Progress":
        """Show the display."""
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the display away."""
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)

    def step(self, done: int, losses: Mapping[str, float], *, seconds: float, waited: float) -> None:
        """Take note of one more step.

        Args:
            done: how many there are now.
            losses: each term.
            seconds: that the step took.
            waited: of these, for data.
        """
        self._seen += 1
        keep = min(SMOOTHING, 1.0 - 1.0 / self._seen)  # the mean of all at first
        for name, value in {**losses, " seconds": seconds, " waited": waited}.items():
            self._smoothed[name] = keep * self._smoothed.get(name, value) + (1.0 - keep) * value
        speed = f"{self._batch / self._smoothed[' seconds']:.1f} images/s"
        waiting = f"{self._smoothed[' waited'] / self._smoothed[' seconds']:.0%} waiting for data"
        left = dt.timedelta(seconds=round((self._steps - done) * self._smoothed[" seconds"]))
        terms = _words({name: self._smoothed[name] for name in losses})
        self._bar.lines["loss"] = f"loss: {terms}"
        self._bar.lines["speed"] = f"{speed}, {waiting}, {left} left"
        self._bar.update(self._task, completed=done)
        if not self._console.is_terminal and (done % self._line_every == 0 or done == self._steps):
            self.say(f"step {done}/{self._steps}: {terms} | {speed}, {waiting}, {left} left")

    def figures(self, done: int, figures: Mapping[str, float], *, is_best: bool) -> None:
        """Show what a validation found."""
        text = f"step {done}: validation {_words(figures)}{' (best so far)' if is_best else ''}"
        if self._console.is_terminal:
            self._bar.lines["validation"] = text
        else:
            self.say(text)


class _Display(Bar):
    """A bar with lines of text below it."""

    def __init__(self, console: Console) -> None:
        self.lines: dict[str, str] = {}
        super().__init__(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TaskProgressColumn(),
            console=console, disable=not console.is_terminal,
        )  # fmt: skip

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bar and what stands below it."""
        yield self.make_tasks_table(self.tasks)
        for line in list(self.lines.values()):
            yield Text(line)


def _words(values: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in values.items())
