"""ROS 2: where it comes from, which middleware it takes, and the shared memory that large images need."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from dfs_core.doctor.child import ask
from dfs_core.doctor.finding import Finding, Mark, Probe
from dfs_core.doctor.installed import installed_version

TOPIC = "ROS"
DDS = {
    "rmw_fastrtps_cpp": ("Fast DDS", ("ros-fastrtps",)),
    "rmw_fastrtps_dynamic_cpp": ("Fast DDS", ("ros-fastrtps",)),
    "rmw_cyclonedds_cpp": ("Cyclone DDS", ("ros-cyclonedds",)),
    "rmw_connextdds": ("Connext DDS", ()),
    "rmw_zenoh_cpp": ("Zenoh, which is no DDS", ("ros-zenoh-cpp-vendor",)),
}
"""What is behind each middleware of ROS, and the wheels that bring it."""

_WHEEL = "ros-jazzy-rclpy"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (where the system keeps it; nothing is written)
_LEAST_SHARED_MB = 256
_CURE = "pip install 'dfs_ros[ros]', or where ROS 2 is installed: . /opt/ros/jazzy/setup.sh"


def probes() -> list[Probe]:
    """Return what is asked of ROS."""
    return [Probe(TOPIC, "rclpy", _rclpy, _CURE), Probe(TOPIC, "shared memory", _shared_memory)]


def _rclpy() -> Iterator[Finding]:
    distribution, wheel = os.environ.get("ROS_DISTRO"), installed_version(_WHEEL)
    if distribution:
        words = f"{distribution} is sourced"
        mixed = wheel is not None
        cure = f"pip uninstall {_WHEEL} and the other ros-* packages, or do not source ROS" if mixed else ""
        mark = Mark.BROKEN if mixed else Mark.FINE
        yield Finding(TOPIC, "distribution", mark, words + (", and wheels are installed, too" if mixed else ""), cure)
    elif wheel is not None:
        yield Finding(TOPIC, "distribution", Mark.FINE, f"wheels from PyPI ({_WHEEL} {wheel})")
    if find_spec("rclpy") is None:
        mark = Mark.BROKEN if distribution else Mark.MISSING
        found = f"not there for Python {sys.version_info.major}.{sys.version_info.minor}"
        cure = "make PYTHON=/usr/bin/python3, the Python that ROS was built for" if distribution else _CURE
        yield Finding(TOPIC, "rclpy", mark, found, cure)
        return
    # The wheels leave the variable unset, and without it no middleware is found.
    prefix = os.environ.get("AMENT_PREFIX_PATH", sys.prefix)
    found = ask("ros", environment={"AMENT_PREFIX_PATH": prefix})
    yield Finding(TOPIC, "rclpy", Mark.FINE, f"in {found['path']}")
    behind, wheels = DDS.get(found["rmw"], ("a middleware that is not known here", ()))
    version = installed_version(*wheels)
    yield Finding(TOPIC, "middleware", Mark.FINE, f"{found['rmw']}: {behind}{f' {version}' if version else ''}")


def _shared_memory() -> Iterator[Finding]:
    if not _SHARED_MEMORY.exists():
        return
    room = shutil.disk_usage(_SHARED_MEMORY)
    free = room.free / 1e6
    enough = free >= _LEAST_SHARED_MB
    cure = "large images go slowly without it; in a container: docker run --shm-size=1g …"
    if (segments := _segments()) > room.used / 2:
        cure = (
            f"{segments / 1e6:.0f} MB are Fast DDS's, whose killed processes leave theirs; while no ROS process runs: "
            f"rm {_SHARED_MEMORY}/*fastrtps_*"
        )
    yield Finding(
        TOPIC,
        "shared memory",
        Mark.FINE if enough else Mark.MISSING,
        f"{free:.0f} MB free of {room.total / 1e6:.0f} MB in {_SHARED_MEMORY}",
        "" if enough else cure,
    )


def _segments() -> int:
    """Return how many bytes Fast DDS holds there, those that nobody uses any more included."""
    size = 0
    for path in _SHARED_MEMORY.glob("*fastrtps_*"):
        with suppress(FileNotFoundError):  # its process has just ended
            size += path.stat().st_size
    return size
