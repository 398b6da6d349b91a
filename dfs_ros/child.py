"""One child process: its output in a file, ended for sure."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dfs_core.errors import DfsError
from dfs_ros.processes import ESCALATION

_TAIL_LINES = 15


class ChildError(DfsError):
    """A child process failed."""


class Child:
    """A module of this package that runs as a process of its own; use it as a context manager.

    It sits in a session of its own, so that Ctrl-C in a terminal reaches it only through its parent, and it ends when
    the parent ends, however that happens.
    """

    def __init__(
        self, name: str, module: str, arguments: Sequence[str], *, log: Path, environment: Mapping[str, str]
    ) -> None:
        """Start it.

        Args:
            name: what it is called in messages.
            module: what runs, such as "dfs_ros.bag_player".
            arguments: its command line.
            log: file for all that it prints.
            environment: all its environment variables.
        """
        self.name = name
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 (no shell)
                [sys.executable, "-m", "dfs_ros.tether", str(os.getpid()), module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )

    def __enter__(self) -> "Child":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, if it still runs."""
        self.stop()

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def stop(self, *, grace_s: float = 5.0) -> int:
        """Ask it to end, more firmly each time, and return its exit code."""
        for number in ESCALATION:
            if self._process.poll() is None:
                self._process.send_signal(number)
            try:
                return self._process.wait(None if number == signal.SIGKILL else grace_s)
            except subprocess.TimeoutExpired:
                continue
        return self._process.wait()

    def failure(self, what: str) -> ChildError:
        """Return an error that says what went wrong and shows the end of what the process printed."""
        lines = self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        printed = "\n".join(f"    {line}" for line in lines) or "    (nothing)"
        return ChildError(f"the {self.name} {what}; the last it printed:\n{printed}")
