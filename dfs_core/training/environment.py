"""What a run was computed with, so that its figures can be understood later."""

import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from lightning_fabric import Fabric

import dfs_core

PACKAGES = ("torch", "lightning-fabric", "numpy", "opencv-python-headless")

Environment = dict[str, object]


def describe_environment(fabric: Fabric) -> Environment:
    """Return versions, devices, the command, and where the sources are a git checkout, their revision."""
    return {
        "command": shlex.join(sys.argv),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {"dfs": dfs_core.__version__, **_versions()},
        "source": source_revision(Path(dfs_core.__file__).parent),
        "device": torch.cuda.get_device_name(fabric.device) if fabric.device.type == "cuda" else platform.machine(),
        "processes": fabric.world_size,
        "threads": torch.get_num_threads(),
    }


def source_revision(folder: Path) -> Mapping[str, object] | None:
    """Return git's revision of a folder and whether files in it differ from that; None outside of a checkout."""
    revision = _git(folder, "rev-parse", "HEAD")
    tracked = _git(folder, "ls-files", "--error-unmatch", "__init__.py")
    if revision is None or tracked is None:  # installed into an environment that lies in somebody else's checkout
        return None
    return {"revision": revision, "changed": bool(_git(folder, "status", "--porcelain", "--", "."))}


def _git(folder: Path, *words: str) -> str | None:
    """Return what git says; None where there is no git, or nothing for it to look at."""
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *words],  # noqa: S607 - whichever git the user has
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _versions() -> dict[str, str | None]:
    return {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # OpenCV comes under several names
        return None
