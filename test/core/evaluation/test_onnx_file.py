"""Running other projects' ONNX files."""

import subprocess
import sys

import numpy as np
from onnx import helper

_PROGRAM = """
import sys
from pathlib import Path

import numpy as np

from dfs_core.evaluation.onnx_file import Session

session = Session(Path(sys.argv[1]), source=Path(sys.argv[1]), threads=1)


def run(side):
    session(["y"], {"x": np.zeros((1, 3, side, side), np.float32)})
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


before = run(16)
largest, after = max(map(run, (1000, 900, 800))), run(16)
print(largest - before, after - before)
"""


def test_room_of_large_pictures_is_given_back(graph, tmp_path):
    weights = {"w": np.ones((32, 3, 3, 3), np.float32), "v": np.ones((3, 32, 3, 3), np.float32)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["h"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["h", "v"], ["y"], pads=[1, 1, 1, 1]),
    ]
    sides = [1, 3, "h", "w"]
    path = graph(tmp_path / "wide.onnx", nodes, weights, given=sides, made=sides)
    command = [sys.executable, "-c", _PROGRAM, str(path)]  # alone: other tests' memory comes and goes in this process
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    largest, after = map(int, said.split())
    one_plane = 32 * 1000 * 1000 * 4
    assert largest > one_plane / 2  # there was something to give back
    assert after < one_plane / 2
