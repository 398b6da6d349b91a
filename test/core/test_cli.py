"""The program `dfs`, run as a user runs it; commands to go wrong come from a plugin made for the test."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import dfs_core

Run = Callable[..., "subprocess.CompletedProcess[str]"]

PLUGIN = '''
import typer
from dfs_core.errors import DatasetError, DfsError

def greet(name: str, twice: bool = False) -> None:
    """Say hello.

    More words that the list of commands leaves out.
    """
    print(f"hello {name}" * (2 if twice else 1))

def refuse() -> None:
    """Find a dataset wanting."""
    raise DatasetError("folder x: no 'train' in it; make one")

def need_training() -> None:
    """Import what the train extra installs."""
    raise ModuleNotFoundError("No module named 'lightning_fabric.fabric'", name="lightning_fabric.fabric")

def need_ros() -> None:
    """Import what the ros extra installs."""
    raise ModuleNotFoundError("No module named 'rclpy'", name="rclpy")

def need_something_else() -> None:
    """Import what no extra installs."""
    import no_such_package_anywhere

def stumble() -> None:
    """Have a bug."""
    return [][1]

things = typer.Typer(help="Look after things.")

@things.command("count")
def count_things(most: int = 3) -> None:
    """Say how many there are."""
    print(most)

@things.command("lose")
def lose_things() -> None:
    """Fail to find one."""
    raise DatasetError("thing x: not there; make one")
'''
ENTRY_POINTS = """[dfs.commands]
greet = dfs_plugin:greet
refuse = dfs_plugin:refuse
need-training = dfs_plugin:need_training
need-ros = dfs_plugin:need_ros
need-something-else = dfs_plugin:need_something_else
stumble = dfs_plugin:stumble
things = dfs_plugin:things
lost = dfs_core.no_such_module:lost
misnamed = dfs_plugin:no_such_function
"""


@pytest.fixture
def dfs(tmp_path: Path) -> Run:
    """Run `dfs` with the plugin installed."""
    metadata = tmp_path / "dfs_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: dfs_plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "dfs_plugin.py").write_text(PLUGIN)

    def run(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200", "NO_COLOR": "1", **variables}
        command = [sys.executable, "-m", "dfs_core.cli", *words]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )

    return run


def test_help_lists_every_installed_command_by_the_first_line_of_its_docstring(dfs: Run) -> None:
    answer = dfs("--help")
    assert answer.returncode == 0
    for point in entry_points(group="dfs.commands"):
        assert f" {point.name} " in answer.stdout
    assert "Say hello." in answer.stdout
    assert "leaves out" not in answer.stdout


def test_our_own_commands_are_all_available(dfs: Run) -> None:
    lines = dfs("--help").stdout.splitlines()
    own = {point.name for point in entry_points(group="dfs.commands")}
    assert [line for line in lines if "(unavailable" in line and line.split()[1] in own] == []


def test_arguments_and_options_reach_the_command(dfs: Run) -> None:
    assert dfs("greet", "you", "--twice").stdout == "hello youhello you\n"


def test_an_error_of_ours_is_one_line_on_stderr_and_exit_code_1(dfs: Run) -> None:
    answer = dfs("refuse")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "dfs: folder x: no 'train' in it; make one\n"


@pytest.mark.parametrize(("words", "variables"), [(("--debug", "refuse"), {}), (("refuse",), {"DFS_DEBUG": "1"})])
def test_debug_shows_the_traceback(dfs: Run, words: tuple[str, ...], variables: dict[str, str]) -> None:
    answer = dfs(*words, **variables)
    assert answer.returncode == 1
    assert "Traceback" in answer.stderr
    assert "dfs_core.errors.DatasetError: folder x" in answer.stderr


def test_a_bug_is_not_hidden(dfs: Run) -> None:
    answer = dfs("stumble")
    assert answer.returncode == 1
    assert "IndexError" in answer.stderr


@pytest.mark.parametrize(("command", "extra"), [("need-training", "train"), ("need-ros", "ros")])
def test_a_missing_optional_package_is_answered_by_the_extra_to_install(dfs: Run, command: str, extra: str) -> None:
    answer = dfs(command)
    assert answer.returncode == 1
    assert f"pip install 'dfs_ros[{extra}]'" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_missing_package_that_no_extra_holds_is_named(dfs: Run) -> None:
    answer = dfs("need-something-else")
    assert answer.returncode == 1
    assert answer.stderr.startswith("dfs: no module no_such_package_anywhere; install the package that holds it into ")


def test_a_command_that_cannot_be_loaded_is_shown_as_unavailable_and_says_why(dfs: Run) -> None:
    listed = dfs("--help")
    assert listed.returncode == 0
    assert "(unavailable: No module named 'dfs_core.no_such_module')" in listed.stdout
    for command, reason in (("lost", "dfs_core.no_such_module"), ("misnamed", "no_such_function")):
        answer = dfs(command, "--some", "option")
        assert answer.returncode == 1
        assert reason in answer.stderr
        assert "the installation of dfs_ros is incomplete" in answer.stderr
        assert "Traceback" not in answer.stderr


def test_a_command_may_have_commands_of_its_own(dfs: Run) -> None:
    assert "Look after things." in dfs("--help").stdout
    helped = dfs("things", "--help").stdout
    assert "Say how many there are." in helped
    assert "Fail to find one." in helped
    assert dfs("things", "count", "--most", "5").stdout == "5\n"
    answer = dfs("things", "lose")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "dfs: thing x: not there; make one\n"


def test_an_unknown_command_is_refused_as_wrong_usage(dfs: Run) -> None:
    answer = dfs("grete")
    assert answer.returncode == 2
    assert "grete" in answer.stderr


def test_version_is_printed(dfs: Run) -> None:
    assert dfs("--version").stdout.strip() == dfs_core.__version__
