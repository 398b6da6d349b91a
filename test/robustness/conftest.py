"""Nodes under attack: the fixtures of the ROS tests, and how much longer a campaign shall be."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

_SOURCE = Path(__file__).parents[1] / "ros" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("test_ros_conftest", _SOURCE)
assert _SPEC is not None
assert _SPEC.loader is not None
_ROS = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _ROS
_SPEC.loader.exec_module(_ROS)

graph, model_path, dehaze_harness, start = _ROS.graph, _ROS.model_path, _ROS.dehaze_harness, _ROS.start


@pytest.fixture(scope="session")
def effort() -> float:
    """Return by how much to lengthen campaigns: DFS_ROBUSTNESS, 1 if not set."""
    return float(os.environ.get("DFS_ROBUSTNESS", "1"))


@pytest.fixture(scope="session")
def faults_module() -> ModuleType:
    """Return the module that draws faulty messages."""
    return _ROS._load("robustness/faults.py")
