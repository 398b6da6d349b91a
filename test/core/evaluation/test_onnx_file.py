"""Running other projects' ONNX files."""

from pathlib import Path

import numpy as np
from onnx import helper

from dfs_core.evaluation.onnx_file import Session


def test_room_of_large_pictures_is_given_back(graph, tmp_path):
    weights = {"w": np.ones((32, 3, 3, 3), np.float32), "v": np.ones((3, 32, 3, 3), np.float32)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["h"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["h", "v"], ["y"], pads=[1, 1, 1, 1]),
    ]
    sides = [1, 3, "h", "w"]
    session = Session(graph(tmp_path / "wide.onnx", nodes, weights, given=sides, made=sides), source="wide", threads=1)

    def run(side):
        session(["y"], {"x": np.zeros((1, 3, side, side), np.float32)})

    run(16)
    before = _resident_bytes()
    for side in (1000, 900, 800, 16):
        run(side)
    one_plane = 32 * 1000 * 1000 * 4
    assert _resident_bytes() - before < one_plane / 2


def _resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
