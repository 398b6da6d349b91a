"""`dfs up`: start the pipeline where there is no `ros2 launch`."""

import json
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from dfs_core.errors import ConfigError
from dfs_ros import graph, pipeline_arguments
from dfs_ros.processes import Command, Processes


def up(
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY:=VALUE]...", help="As for the launch file, such as camera:=/front/image_raw."),
    ] = None,
    bag: Annotated[
        Path | None, typer.Option(help="Play this bag, and stop when it ends; the same as bag:=BAG.")
    ] = None,
    show_args: Annotated[bool, typer.Option("--show-args", help="List what can be set, and exit.")] = False,
) -> None:
    """Start the dehazing pipeline: a node for each camera and, with a bag, its player.

    Everything runs until Ctrl-C or until the bag has ended. The exit code is 1 when a node failed.
    """
    if show_args:
        typer.echo(describe_arguments())
        return
    arguments = parse(settings or [])
    if bag is not None:
        arguments["bag"] = str(bag)
    commands = [command(node) for node in graph.pipeline(arguments)]
    raise typer.Exit(Processes(commands).run())


def parse(settings: list[str]) -> dict[str, str]:
    """Return values by name from words such as `rate:=0.5`; of two for one name the last one counts.

    Raises:
        ConfigError: a word has no `:=`.
    """
    for word in settings:
        if ":=" not in word:
            raise ConfigError(f"'{word}': write KEY:=VALUE, such as rate:=0.5; `dfs up --show-args` lists the keys")
    return {name: value for name, _, value in (word.partition(":=") for word in settings)}


def command(node: graph.Node) -> Command:
    """Return the process that runs a node, without any ROS tool.

    Raises:
        ConfigError: the program of another package is not installed.
    """
    label = f"{node.namespace.strip('/')}/{node.name}".lstrip("/")
    words = (*_program(node), *node.options, "--ros-args", *_ros_arguments(node))
    return Command(label, words, required=node.required, respawn=node.respawn)


def describe_arguments() -> str:
    """Return the list of arguments, for people."""
    blocks = []
    for argument in pipeline_arguments.ARGUMENTS:
        choices = f" One of: {', '.join(filter(None, argument.accepted))}." if argument.accepted else ""
        blocks.append(f"{argument.name}:={argument.default}\n    {argument.description}{choices}")
    return "\n".join(blocks)


def _program(node: graph.Node) -> tuple[str, ...]:
    if node.package == "dfs_ros":
        return sys.executable, "-m", f"dfs_ros.{node.executable}"
    found = shutil.which(node.executable)
    if found is None:
        raise ConfigError(
            f"no program {node.executable} on PATH; install the ROS package {node.package} and source ROS"
        )
    return (found,)


def _ros_arguments(node: graph.Node) -> list[str]:
    rules = [("__node", node.name), ("__ns", f"/{node.namespace.strip('/')}"), *node.remappings]
    words = [word for old, new in rules for word in ("-r", f"{old}:={new}")]
    if node.params_file is not None:
        words += ["--params-file", str(node.params_file)]
    for name, value in node.parameters.items():
        words += ["-p", f"{name}:={json.dumps(value)}"]  # JSON is YAML, and keeps a text a text
    return [*words, "--log-level", node.log_level]
