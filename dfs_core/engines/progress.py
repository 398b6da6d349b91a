"""How far a build is. TensorRT reports phases that lie in one another; people want one number and a name."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

OnProgress = Callable[[str, float], bool]
"""Called with the name of the step that TensorRT is at and how much of the whole is done, in [0, 1], never less than
before; from the builder's threads. Returning False ends the build."""


@dataclass
class _Phase:
    """A phase that has begun: where in the whole it starts, what each of its steps is of it, and how many are done."""

    start: float
    step: float
    done: int = 0


class Phases:
    """Phases that lie in one another, as one share of the whole."""

    def __init__(self) -> None:
        self._phases: dict[str, _Phase] = {}
        self._share = 0.0

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """Take note of a phase within the current step of another, or of the whole."""
        within = self._phases.get(parent) if parent is not None else None
        start, width = (0.0, 1.0) if within is None else (within.start + within.done * within.step, within.step)
        self._phases[name] = _Phase(start, width / max(steps, 1))

    def step(self, name: str, step: int) -> float:
        """Return how much of the whole is done after a step, counted from 0, of a phase."""
        phase = self._phases[name]
        phase.done = step + 1
        self._share = min(1.0, max(self._share, phase.start + phase.done * phase.step))
        return self._share

    def finish(self, name: str) -> None:
        """Forget a phase."""
        self._phases.pop(name, None)  # two threads may be in phases of one name


def progress_monitor(tensorrt: ModuleType, on_progress: OnProgress) -> Any:
    """Return what TensorRT tells of its phases.

    It has `ended`, whether `on_progress` ended the build, and `failure`, what that raised: an error must not cross
    the builder.
    """

    class ProgressMonitor(tensorrt.IProgressMonitor):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            tensorrt.IProgressMonitor.__init__(self)
            self.ended = False
            self.failure: Exception | None = None
            self._phases = Phases()

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._phases.start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            try:
                self.ended = self.ended or not on_progress(phase_name, self._phases.step(phase_name, step))
            except Exception as error:  # noqa: BLE001 (raised again when the builder has returned)
                self.failure = error
            return not self.ended and self.failure is None

        def phase_finish(self, phase_name: str) -> None:
            self._phases.finish(phase_name)

    return ProgressMonitor()
