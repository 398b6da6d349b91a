"""What must be set before rclpy.init(), and how a node's process starts and ends."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from dfs_core.errors import DfsError
from dfs_core.freed_memory import keep_freed_memory
from dfs_ros.share import share_file

if TYPE_CHECKING:
    from rclpy.node import Node

PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
"""Where Fast DDS looks for a profile: Jazzy and older read the first, Kilted and newer the second."""


def prepare() -> None:
    """Make this process fit for large images; call it before rclpy.init(). What the user has set is left alone."""
    os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)  # the wheels from PyPI leave it unset
    use_large_shared_memory()
    keep_freed_memory()


def use_large_shared_memory() -> None:
    """Name our Fast DDS profile, unless the user names one; other middlewares ignore it."""
    if not any(os.environ.get(name) for name in PROFILE_VARIABLES):
        profile = str(share_file("config/fastdds.xml"))
        os.environ.update(dict.fromkeys(PROFILE_VARIABLES, profile))


def run(make_node: "Callable[[], Node]", arguments: Sequence[str] | None = None) -> int:
    """Run one node until SIGINT or SIGTERM, and return the exit code: 0 after a clean end, 1 when it cannot start.

    Args:
        make_node: called once rclpy is initialised.
        arguments: command line without the program's name, `--ros-args` included; `sys.argv`'s if not given.
    """
    prepare()
    code = _run(make_node, arguments)
    # A lifecycle node's services refer to it in circles, and it to its participant in the middleware, whose shared
    # memory would outlive this process if `leave` had to end it at once.
    gc.collect()
    return code


def _run(make_node: "Callable[[], Node]", arguments: Sequence[str] | None) -> int:
    # Python's own handler would raise KeyboardInterrupt wherever it happens to be; rclpy's, which calls this one after
    # shutting its context down, lets the executor return. Before rclpy is there to hear it, it is only noted.
    interrupted = threading.Event()
    signal.signal(signal.SIGINT, lambda _signal, _frame: interrupted.set())

    import rclpy
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
    from rclpy.logging import get_logger

    rclpy.init(args=list(arguments) if arguments is not None else None)
    if interrupted.is_set():
        rclpy.try_shutdown()
        return 0
    node = None
    try:
        node = make_node()
        executor = SingleThreadedExecutor()  # never the EventsExecutor: it hangs and ignores SIGTERM
        executor.add_node(node)
        executor.spin()
    except ExternalShutdownException:
        return 0
    except DfsError as error:
        get_logger("dfs_ros").fatal(str(error))
        return 1
    except Exception as error:
        if rclpy.ok():
            raise
        # a callback found the context shut down under it
        get_logger("dfs_ros").debug(f"ended during shutdown: {type(error).__name__}: {error}")
        return 0
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def leave(code: int) -> NoReturn:
    """End the process, even while a thread is deep in native code, such as a model that is still being compiled.

    Python would wait for such a thread, or pull the interpreter away from under it.
    """
    if threading.active_count() > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
