"""The launch file says what graph.py says: to ROS 2's launch where that is installed, and to a stand-in anywhere."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from dfs_ros import graph, pipeline_arguments
from dfs_ros.processes import RESPAWN_S

FILE = Path(__file__).parents[2] / "launch/dehaze_pipeline.launch.py"


@pytest.fixture
def launch_file() -> ModuleType:
    pytest.importorskip("launch_ros", reason="ROS 2's launch is not on PyPI; a ROS installation has it")
    from launch.launch_description_sources import load_python_launch_file_as_module

    return load_python_launch_file_as_module(str(FILE))


@pytest.fixture
def arguments(tmp_path: Path) -> dict[str, str]:
    params_file = tmp_path / "dehaze.yaml"
    params_file.write_text("/**:\n  ros__parameters: {}\n")
    return {"params_file": str(params_file), "camera": "/front/image,/rear/image_raw", "use_sim_time": "true"}


class Recorded:
    """Whatever launch offers, by what it was made of."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs

    def perform(self, context: dict[str, str]) -> str:
        """Return the value of the launch configuration that this is."""
        return context[self.args[0]]


@pytest.fixture
def recorded_file(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The launch file, with stand-ins for launch and launch_ros that record what they are given."""
    offered = {
        "launch": ("LaunchContext", "LaunchDescription"),
        "launch.actions": ("DeclareLaunchArgument", "OpaqueFunction", "Shutdown"),
        "launch.events": (),
        "launch.events.process": ("ProcessExited",),
        "launch.substitutions": ("LaunchConfiguration",),
        "launch_ros": (),
        "launch_ros.actions": ("LifecycleNode", "Node"),
    }
    for name, classes in offered.items():
        module = ModuleType(name)
        vars(module).update({each: type(each, (Recorded,), {}) for each in classes})
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("recorded_launch_file", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "changes", [{}, {"batch": "true", "respawn": "true"}, {"camera": "/front/image", "rviz": "true"}]
)
def test_every_node_is_launched_as_the_graph_has_it(
    recorded_file: ModuleType, arguments: dict[str, str], changes: dict[str, str]
) -> None:
    chosen = {**arguments, "viewer": "true", "log_level": "debug", **changes}
    (description,) = recorded_file.generate_launch_description().args
    *declared, start = description
    assert [action.args[0] for action in declared] == [entry.name for entry in pipeline_arguments.ARGUMENTS]
    context = {action.args[0]: action.kwargs["default_value"] for action in declared} | chosen
    nodes = graph.pipeline(chosen)
    for action, node in zip(start.kwargs["function"](context), nodes, strict=True):
        given = dict(action.kwargs)
        on_exit = given.pop("on_exit")
        assert type(action).__name__ == ("LifecycleNode" if node.lifecycle else "Node")
        assert given == {
            "package": node.package,
            "executable": node.executable,
            "name": node.name,
            "namespace": node.namespace,
            "parameters": [*([node.params_file] if node.params_file else []), node.parameters],
            "remappings": list(node.remappings),
            "arguments": list(node.options),
            "ros_arguments": ["--log-level", node.log_level],
            "output": "screen",
            "respawn": node.respawn,
            "respawn_delay": RESPAWN_S,
        }
        assert (on_exit is not None) == node.required


def test_a_required_node_that_ends_stops_the_others_unless_all_are_being_stopped(
    recorded_file: ModuleType, arguments: dict[str, str]
) -> None:
    (description,) = recorded_file.generate_launch_description().args
    context = {entry.name: entry.default for entry in pipeline_arguments.ARGUMENTS} | {**arguments, "camera": "image"}
    (action,) = description[-1].kwargs["function"](context)
    ended = SimpleNamespace(process_name="dehaze_node-1")
    (shutdown,) = action.kwargs["on_exit"](ended, SimpleNamespace(is_shutdown=False))
    assert shutdown.kwargs == {"reason": "dehaze_node-1 has ended"}
    assert action.kwargs["on_exit"](ended, SimpleNamespace(is_shutdown=True)) == []


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
