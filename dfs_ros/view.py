"""`dfs view`: a page in the browser with what a camera sees and what the dehaze node makes of it, live."""

import importlib.util
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dfs_core.errors import BagError, ConfigError
from dfs_ros import graph, up
from dfs_ros.camera import Camera
from dfs_ros.processes import Processes

DISCOVERY_S = 3.0
"""How long a running node is looked for; it takes well under a second where there is one."""

_BAG_SUFFIXES = {".mcap", ".db3", ".bag"}


def view(
    source: Annotated[
        str, typer.Argument(metavar="BAG_OR_TOPIC", help="A bag to play, or an image topic such as /front/image_raw.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY:=VALUE]...", help="As for `dfs up`, such as rate:=0.5 or backend:=openvino."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address of this machine to serve the page on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0: any that is free.")] = 8088,
    domain_id: Annotated[
        int | None,
        typer.Option(min=0, max=232, help="DDS domain. Of a bag: one that nobody uses, if not given."),
    ] = None,
    answers: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of a topic: below which name a running node answers it, such as /front/dehaze_node."
        ),
    ] = None,
) -> None:
    """Show a camera before and after, its mask, the visibility and the diagnostics in a browser.

    A bag is played through the dehaze node, again and again unless loop:=false, on a DDS domain of its own. Of a topic
    that a running dehaze node answers, whatever it is called, that node's answers are shown; else one is started. Where
    several answer it, choose by --answers. Ctrl-C ends it.
    """
    if importlib.util.find_spec("aiohttp") is None:
        raise ConfigError("the page needs aiohttp: pip install 'dfs_ros[view]'")
    arguments = {"viewer_host": host, "viewer_port": str(port), **up.parse(settings or []), "viewer": "true"}
    if _is_bag(source):
        if answers is not None:
            raise ConfigError(f"--answers is for topics, but {source} is a bag, which a new node answers; leave it out")
        nodes = _nodes_of_bag(source, arguments, domain_id)
    else:
        nodes = _nodes_of_topic(source, arguments, domain_id, answers)
    shown = [
        replace(node, required=node.required or (node.executable == "viewer" and not node.respawn)) for node in nodes
    ]
    raise typer.Exit(Processes([up.command(node) for node in shown]).run())


def _is_bag(source: str) -> bool:
    """Say whether a bag is meant.

    Raises:
        BagError: a bag is meant, but there is none.
    """
    path = Path(source).expanduser()
    if path.exists():
        return True
    if path.suffix in _BAG_SUFFIXES:
        raise BagError(f"{source}: no such bag; give the path of one, or an image topic such as /front/image_raw")
    return False


def _nodes_of_bag(bag: str, arguments: dict[str, str], domain_id: int | None) -> Sequence[graph.Node]:
    """Return a player, a node and the viewer, kept away from what else runs here."""
    from dfs_ros.domain import free_domain

    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    os.environ["ROS_DOMAIN_ID"] = str(free_domain() if domain_id is None else domain_id)
    return graph.pipeline({"loop": "true", "restamp": "true", **arguments, "bag": bag})


def _nodes_of_topic(
    topic: str, arguments: dict[str, str], domain_id: int | None, chosen: str | None
) -> Sequence[graph.Node]:
    """Return the viewer alone where a node answers the topic already, else a node as well."""
    from dfs_ros.middleware import prepare
    from dfs_ros.running_nodes import find_answers

    if domain_id is not None:
        os.environ["ROS_DOMAIN_ID"] = str(domain_id)
    prepare()
    pipeline = graph.pipeline({**arguments, "camera": topic})
    if chosen is not None:
        found: tuple[str, str] | None = (topic, chosen.rstrip("/"))
    else:
        found = find_answers(Camera.of_topic(topic), patience_s=DISCOVERY_S)
    if found is None:
        typer.echo(f"no running dehaze node listens to {topic}: starting one")
        return pipeline
    images, answers = found
    typer.echo(f"showing what {answers} makes of {images}")
    viewer = next(node for node in pipeline if node.executable == "viewer")
    return [replace(viewer, parameters={**viewer.parameters, "images": [images], "answers": [answers]})]
