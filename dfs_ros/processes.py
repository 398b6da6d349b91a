"""A few child processes run as one: their output side by side, stopped together, with one result."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import IO, TextIO

ESCALATION = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
"""How a process is asked to end: each signal follows when the one before has not helped in time."""

RESPAWN_S = 2.0
"""How long after its end a process is started again."""

_ENDED_AS_ASKED = {0, -signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM}


@dataclass(frozen=True)
class Command:
    """One process to start.

    Attributes:
        name: what stands before each line it prints.
        words: program and arguments; no shell reads them.
        required: whether all others stop when it ends.
        respawn: whether it is started again when it ends unasked.
    """

    name: str
    words: tuple[str, ...]
    required: bool = False
    respawn: bool = False


class Processes:
    """Child processes, each in a session of its own so that a terminal's Ctrl-C reaches them only through this one."""

    def __init__(
        self,
        commands: Sequence[Command],
        *,
        grace_s: float = 5.0,
        respawn_s: float = RESPAWN_S,
        output: TextIO | None = None,
    ) -> None:
        """Remember what to run.

        Args:
            commands: in the order of starting.
            grace_s: how long processes may take to end after each signal.
            respawn_s: how long after its end a process is started again.
            output: where their lines go; stdout if not given.
        """
        self._commands = commands
        self._grace_s = grace_s
        self._respawn_s = respawn_s
        self._output = output or sys.stdout
        self._printing = threading.Lock()
        self._events: queue.SimpleQueue[Command | None] = queue.SimpleQueue()  # who has ended; None: all shall end
        self._running: dict[Command, subprocess.Popen[bytes]] = {}
        self._respawns: dict[Command, float] = {}  # when to start it again
        self._signals_sent = 0
        self._failed = False

    def run(self) -> int:
        """Start all, wait until they have ended, and return 0 if each of them ended well, else 1.

        SIGINT or SIGTERM to this process stops them all. Only the main thread may call this.
        """
        previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for command in self._commands:
                self._start(command)
            self._wait()
        finally:
            for process in self._running.values():
                process.kill()  # none is left unless something went wrong here
            for number, handler in previous.items():
                signal.signal(number, handler)
        return int(self._failed)

    def _start(self, command: Command) -> None:
        try:
            process = subprocess.Popen(  # noqa: S603 (no shell)
                command.words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        except OSError as error:
            self._failed = True
            self._print(command, f"cannot be started: {error}")
            self._events.put(None)
            return
        assert process.stdout is not None  # noqa: S101 (for the type checker)
        self._running[command] = process
        threading.Thread(target=self._follow, args=(command, process, process.stdout), daemon=True).start()

    def _follow(self, command: Command, process: "subprocess.Popen[bytes]", lines: IO[bytes]) -> None:
        """Print what a process prints, and tell when it has ended."""
        with lines:
            for line in lines:
                self._print(command, line.decode(errors="replace").rstrip())
        process.wait()
        self._events.put(command)

    def _wait(self) -> None:
        """Return when no process is left, nor one to be started again."""
        deadline = None
        while self._running or self._respawns:
            next_time = min((*self._respawns.values(), *([] if deadline is None else [deadline])), default=None)
            try:
                event = self._events.get(timeout=None if next_time is None else max(next_time - time.monotonic(), 0.0))
            except queue.Empty:
                if deadline is not None:
                    deadline = self._ask_to_end()
                self._respawn_due()
                continue
            if event is not None:
                self._ended(event)
            if deadline is None and (event is None or event.required):
                self._respawns.clear()
                deadline = self._ask_to_end()

    def _ended(self, command: Command) -> None:
        """Judge how a process ended, or see to it that it is started again."""
        code = self._running.pop(command).returncode
        if command.respawn and not self._signals_sent:
            self._print(command, f"has ended with exit code {code}; starting it again in {self._respawn_s:g} s")
            self._respawns[command] = time.monotonic() + self._respawn_s
        else:
            self._judge(command, code)

    def _respawn_due(self) -> None:
        for command in [command for command, due in self._respawns.items() if due <= time.monotonic()]:
            del self._respawns[command]
            self._start(command)

    def _judge(self, command: Command, code: int) -> None:
        """Remember and print a bad end."""
        if code != 0 and not (self._signals_sent and code in _ENDED_AS_ASKED):
            self._failed = True
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            self._print(command, how)

    def _ask_to_end(self) -> float:
        """Send the next signal to all that still run, and return when to send the one after it."""
        number = ESCALATION[min(self._signals_sent, len(ESCALATION) - 1)]
        for command, process in self._running.items():
            if self._signals_sent:
                self._print(command, f"still runs {self._grace_s:g} s after {ESCALATION[self._signals_sent - 1].name}")
            process.send_signal(number)
        self._signals_sent = min(self._signals_sent + 1, len(ESCALATION))
        return time.monotonic() + self._grace_s

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._events.put(None)

    def _print(self, command: Command, line: str) -> None:
        with self._printing:
            print(f"[{command.name}] {line}", file=self._output, flush=True)
