"""Child processes run as one, tried on real ones."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from dfs_ros.processes import Command, Processes

UNTIL_SIGINT = """
import signal
def stop(number, frame):
    print("got", signal.Signals(number).name)
    raise SystemExit
signal.signal(signal.SIGINT, stop)
print("ready")
while True:
    signal.pause()
"""
DEAF = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda number, frame: print("heard SIGTERM"))
print("ready")
while True:
    signal.pause()
"""
AFTER_A_LINE = """
import sys
from pathlib import Path
with open(sys.argv[1]) as other: other.readline()
sys.exit(int(sys.argv[2]))
"""


def python(name: str, program: str, *arguments: str, required: bool = False, respawn: bool = False) -> Command:
    return Command(name, (sys.executable, "-c", program, *arguments), required=required, respawn=respawn)


def run(*commands: Command, grace_s: float = 20.0) -> tuple[int, list[str]]:
    output = io.StringIO()
    return Processes(commands, grace_s=grace_s, output=output).run(), output.getvalue().splitlines()


@pytest.fixture
def pipe(tmp_path: Path) -> str:
    """A place where one child waits for another to be ready."""
    os.mkfifo(tmp_path / "pipe")
    return str(tmp_path / "pipe")


def telling(program: str, pipe: str) -> str:
    """Return a program that says into the pipe, too, that it is ready."""
    return program.replace('print("ready")', f'print("ready"); print("ready", file=open({pipe!r}, "w"), flush=True)')


def test_lines_of_all_are_printed_under_their_names() -> None:
    code, lines = run(
        python("a", "print('one'); print('two')"), python("b", "import sys; print('three', file=sys.stderr)")
    )
    assert code == 0
    assert sorted(lines) == ["[a] one", "[a] two", "[b] three"]


def test_when_a_required_one_ends_well_the_others_are_asked_to_end_and_all_is_well(pipe: str) -> None:
    node = python("node", telling(UNTIL_SIGINT, pipe))
    code, lines = run(node, python("player", AFTER_A_LINE, pipe, "0", required=True))
    assert code == 0
    assert lines == ["[node] ready", "[node] got SIGINT"]


def test_when_a_required_one_fails_the_others_are_asked_to_end_and_it_is_named(pipe: str) -> None:
    node = python("node", telling(UNTIL_SIGINT, pipe))
    code, lines = run(node, python("player", AFTER_A_LINE, pipe, "3", required=True))
    assert code == 1
    assert sorted(lines) == ["[node] got SIGINT", "[node] ready", "[player] ended with exit code 3"]


def test_one_that_is_not_required_fails_alone(pipe: str) -> None:
    failing = python("a", f"held_until_the_end = open({pipe!r}, 'w'); raise SystemExit(2)")
    code, lines = run(failing, python("b", f"open({pipe!r}).read(); print('outlived it')"))
    assert code == 1
    assert sorted(lines) == ["[a] ended with exit code 2", "[b] outlived it"]


def test_one_that_does_not_heed_signals_is_killed_and_that_is_a_failure(pipe: str) -> None:
    node = python("node", telling(DEAF, pipe))
    code, lines = run(node, python("player", AFTER_A_LINE, pipe, "0", required=True), grace_s=1.0)
    assert code == 1
    assert lines == [
        "[node] ready",
        "[node] still runs 1 s after SIGINT",
        "[node] heard SIGTERM",
        "[node] still runs 1 s after SIGTERM",
        "[node] was ended by SIGKILL",
    ]


def test_a_program_that_does_not_exist_stops_what_was_started(tmp_path: Path) -> None:
    code, lines = run(python("node", UNTIL_SIGINT), Command("player", (str(tmp_path / "none"),)))
    assert code == 1
    assert any(line.startswith("[player] cannot be started: ") for line in lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_every_child_once_as_sigint(number: signal.Signals) -> None:
    program = f"""
        import sys
        from dfs_ros.processes import Command, Processes
        child = (sys.executable, "-c", {UNTIL_SIGINT!r})
        sys.exit(Processes([Command("a", child), Command("b", child)], grace_s=20.0).run())
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert {parent.stdout.readline(), parent.stdout.readline()} == {"[a] ready\n", "[b] ready\n"}
    parent.send_signal(number)
    rest, _ = parent.communicate(timeout=20)
    assert sorted(rest.splitlines()) == ["[a] got SIGINT", "[b] got SIGINT"]
    assert parent.returncode == 0


def test_a_process_that_ends_unasked_is_started_again_if_it_shall(tmp_path: Path) -> None:
    counts = f"""
from pathlib import Path
file = Path({str(tmp_path / "starts")!r})
starts = len(file.read_text()) if file.exists() else 0
file.write_text("x" * (starts + 1))
"""
    third_stays = counts + 'if starts < 2: raise SystemExit(3)\nprint("third")\n' + UNTIL_SIGINT
    waits = f"""
import time
from pathlib import Path
file = Path({str(tmp_path / "starts")!r})
while not file.exists() or file.read_text() != "xxx": time.sleep(0.01)
"""
    commands = [python("often", third_stays, respawn=True), python("all", waits, required=True)]
    output = io.StringIO()
    begin = time.monotonic()
    assert Processes(commands, grace_s=20.0, respawn_s=0.2, output=output).run() == 0
    lines = output.getvalue().splitlines()
    assert lines.count("[often] has ended with exit code 3; starting it again in 0.2 s") == 2
    assert time.monotonic() - begin >= 0.4
