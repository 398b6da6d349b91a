"""The launch file says what graph.py says, wherever ROS 2's launch is installed."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dfs_ros import graph, pipeline_arguments

pytest.importorskip("launch_ros", reason="ROS 2's launch is not on PyPI; a ROS installation has it")

FILE = Path(__file__).parents[2] / "launch/dehaze_pipeline.launch.py"


@pytest.fixture
def launch_file() -> ModuleType:
    from launch.launch_description_sources import load_python_launch_file_as_module

    return load_python_launch_file_as_module(str(FILE))


@pytest.fixture
def arguments(tmp_path: Path) -> dict[str, str]:
    params_file = tmp_path / "dehaze.yaml"
    params_file.write_text("/**:\n  ros__parameters: {}\n")
    return {"params_file": str(params_file), "camera": "/front/image,/rear/image_raw", "use_sim_time": "true"}


def visited(launch_file: ModuleType, arguments: dict[str, str]) -> list[Any]:
    """Return the node actions that the launch file makes of the arguments."""
    from launch import LaunchContext

    context = LaunchContext()
    context.launch_configurations.update(arguments)
    made: list[Any] = []
    for entity in launch_file.generate_launch_description().entities:
        made += entity.visit(context) or []
    return made


def test_every_argument_is_declared_with_its_default_description_and_choices(launch_file: ModuleType) -> None:
    declared = launch_file.generate_launch_description().get_launch_arguments()
    assert [action.name for action in declared] == [argument.name for argument in pipeline_arguments.ARGUMENTS]
    for action, argument in zip(declared, pipeline_arguments.ARGUMENTS, strict=True):
        assert "".join(part.text for part in action.default_value) == argument.default
        assert argument.description in action.description
        assert tuple(action.choices or ()) == argument.accepted


def test_every_node_of_the_graph_becomes_an_action(launch_file: ModuleType, arguments: dict[str, str]) -> None:
    from launch_ros.actions import LifecycleNode

    nodes = graph.pipeline(arguments)
    actions = visited(launch_file, arguments)
    assert len(actions) == len(nodes) == 2
    for action, node in zip(actions, nodes, strict=True):
        assert isinstance(action, LifecycleNode) == node.lifecycle
        assert action.node_package == node.package
        assert action.node_executable == node.executable


def test_a_batch_of_cameras_becomes_one_action(launch_file: ModuleType, arguments: dict[str, str]) -> None:
    (action,) = visited(launch_file, {**arguments, "batch": "true", "respawn": "true"})
    assert action.node_executable == "dehaze_node"


def test_a_wrong_argument_is_refused(launch_file: ModuleType, arguments: dict[str, str]) -> None:
    with pytest.raises(RuntimeError, match='Argument "rviz" provided value "yes" is not valid'):
        visited(launch_file, {**arguments, "rviz": "yes"})
