"""`dfs COMMAND`: one program made of the commands that the installed packages offer as entry points."""

import functools
import inspect
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points, requires
from typing import Annotated, Any

import typer
from rich.markup import escape

from dfs_core import __version__
from dfs_core.errors import DfsError

GROUP = "dfs.commands"
"""Entry point group whose members are typer functions; the name of the entry point is the name of the command."""

DISTRIBUTION = "dfs_ros"
"""What the user installed, and whose extras a command may need."""

_HELP = (
    "Take the fog out of camera streams and label what is in them; train, export and evaluate the networks that do so."
)
_OWN_PACKAGES = ("dfs_core", "dfs_ros")

Command = Callable[..., Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name, and exit.

    Args:
        arguments: command line without the program's name; `sys.argv`'s if not given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    application(words)(args=words, prog_name="dfs")


def application(words: Sequence[str] = ()) -> typer.Typer:
    """Return the program, with only the command that the first word names if it names one: its start is then quicker.

    Args:
        words: the command line, without the program's name.
    """
    offered = {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}
    wanted = [offered[words[0]]] if words and words[0] in offered else list(offered.values())
    program = typer.Typer(help=_HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    program.callback()(_options)
    for point in wanted:
        _add(program, point, alone=len(wanted) == 1)
    return program


def import_advice(error: ImportError | AttributeError) -> str:
    """Say what could not be imported, and what to install so that it can."""
    module = error.name or "" if isinstance(error, ImportError) else ""
    package = module.partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or package in _OWN_PACKAGES:
        return f"{error}; the installation of {DISTRIBUTION} is incomplete, install it again"
    extras = _extras_with(package)
    if not extras:
        return f"no module {module}; install the package that holds it into {sys.prefix}"
    return f"no module {module}; install it with: pip install '{DISTRIBUTION}[{extras[0]}]'"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _options(
    *,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; so does DFS_DEBUG=1.")
    ] = False,
    version: Annotated[  # noqa: ARG001 (its callback does the work)
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if debug:
        os.environ["DFS_DEBUG"] = "1"  # commands start processes, which inherit it


def _add(program: typer.Typer, point: EntryPoint, *, alone: bool) -> None:
    """Add one command, or in its place one that says why it cannot run.

    A function that has an attribute `epilog`, a function too, is asked for what its help ends with, if it is alone.
    A typer program in place of a function is a command that has commands of its own.
    """
    epilog = None
    try:
        function = point.load()
    except (ImportError, AttributeError) as error:
        function = _unavailable(error)
        summary = f"(unavailable: {error})"
        accepted = {"allow_extra_args": True, "ignore_unknown_options": True}
    else:
        if isinstance(function, typer.Typer):
            _add_group(program, point.name, function)
            return
        summary = inspect.getdoc(function) or ""
        accepted = {}
        if alone and hasattr(function, "epilog"):
            epilog = escape(function.epilog())
    program.command(point.name, help=summary, epilog=epilog, context_settings=accepted)(_guarded(function))


def _add_group(program: typer.Typer, name: str, group: typer.Typer) -> None:
    guarded = typer.Typer(help=group.info.help, no_args_is_help=True)
    for command in group.registered_commands:
        if command.callback is not None:
            guarded.command(command.name, help=inspect.getdoc(command.callback))(_guarded(command.callback))
    program.add_typer(guarded, name=name)


def _unavailable(error: ImportError | AttributeError) -> Command:
    def command() -> None:
        raise DfsError(import_advice(error)) from error

    return command


def _guarded(function: Command) -> Command:
    """Turn the errors a user can do something about into one line on stderr and exit code 1."""

    @functools.wraps(function)
    def guarded(*values: Any, **options: Any) -> Any:
        try:
            return function(*values, **options)
        except (DfsError, ModuleNotFoundError) as error:
            if os.environ.get("DFS_DEBUG", "0") not in {"", "0"}:
                raise
            message = import_advice(error) if isinstance(error, ModuleNotFoundError) else str(error)
            typer.secho(f"dfs: {message}", fg=typer.colors.RED, err=True)
            raise typer.Exit(1) from None

    return guarded


def _extras_with(module: str) -> list[str]:
    """Return the extras that install a module, going by the names of the packages they list."""
    names = {_normalized(name) for name in (module, f"ros-jazzy-{module}", f"opencv-{module}")}
    found = []
    for requirement in requires(DISTRIBUTION) or ():
        name = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", requirement)
        if name and extra and _normalized(name[0]) in names:
            found.append(extra[1])
    return found


def _normalized(name: str) -> str:
    """Return a package's name as the package index compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
