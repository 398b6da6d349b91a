"""Ask native libraries in a process of their own: one that is broken may end it, and the doctor goes on."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from dfs_core.errors import MachineError

_PROGRAM = """
import sys
sys.path[:] = {path!r}
from dfs_core.doctor.questions import answer
answer({name!r}, {words!r})
"""


def ask(name: str, *words: str, timeout_s: float = 60.0, environment: Mapping[str, str] | None = None) -> Any:
    """Return what a function of `dfs_core.doctor.questions` answers.

    Args:
        name: of the function.
        words: its arguments.
        timeout_s: after which the process is ended.
        environment: variables beside those of this process.

    Raises:
        MachineError: it raised an error, ended the process, or took too long; with the words of whatever it was.
    """
    program = _PROGRAM.format(path=sys.path, name=name, words=words)
    try:
        run = subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, "-c", program],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MachineError(f"gave no answer within {timeout_s:.0f} s") from error
    said = run.stdout.splitlines()  # libraries, too, write there; the answer is last
    if run.returncode < 0:
        raise MachineError(f"ended its process with {signal.Signals(-run.returncode).name}")
    if run.returncode > 0 or not said:
        complaints = run.stderr.strip().splitlines()
        raise MachineError(complaints[-1] if complaints else f"ended its process with exit code {run.returncode}")
    reply = json.loads(said[-1])
    if "error" in reply:
        raise MachineError(reply["error"])
    return reply["answer"]
