"""Start the dehazing pipeline; `ros2 launch dfs_ros dehaze_pipeline.launch.py --show-args` lists what can be set."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node

from dfs_ros import graph, pipeline_arguments
from dfs_ros.processes import RESPAWN_S


def generate_launch_description() -> LaunchDescription:
    """Declare the pipeline's arguments, and start its nodes once their values are known."""
    declared = [
        DeclareLaunchArgument(
            argument.name,
            default_value=argument.default,
            description=argument.description,
            choices=list(argument.accepted) or None,
        )
        for argument in pipeline_arguments.ARGUMENTS
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[Node]:
    """Return one action for each node of the pipeline."""
    values = {
        argument.name: LaunchConfiguration(argument.name).perform(context) for argument in pipeline_arguments.ARGUMENTS
    }
    return [_action(node) for node in graph.pipeline(values)]


def _action(node: graph.Node) -> Node:
    """Return the action that starts a node."""
    kind = LifecycleNode if node.lifecycle else Node
    return kind(
        package=node.package,
        executable=node.executable,
        name=node.name,
        namespace=node.namespace,
        parameters=[*filter(None, [node.params_file]), dict(node.parameters)],
        remappings=list(node.remappings),
        arguments=list(node.options),
        ros_arguments=["--log-level", node.log_level],
        output="screen",
        on_exit=_stop if node.required else None,
        respawn=node.respawn,
        respawn_delay=RESPAWN_S,
    )


def _stop(event: ProcessExited, context: LaunchContext) -> list[Shutdown]:
    """Stop the other nodes, unless that is what ended this one."""
    return [] if context.is_shutdown else [Shutdown(reason=f"{event.process_name} has ended")]
