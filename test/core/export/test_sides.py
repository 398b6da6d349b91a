"""Files for frames of one batch, one size, both, or up to a size."""

import json

import numpy as np
import onnx
import pytest

from dfs_core import artifact
from dfs_core.artifact import Artifact
from dfs_core.engines.model_file import read_model
from dfs_core.engines.profile import Profile, choose_profile
from dfs_core.errors import ArtifactError, BackendError
from dfs_core.export import parity
from dfs_core.export.command import Precision, export
from dfs_core.export.parity import Frames
from dfs_core.labels import CAMVID_11
from dfs_core.quantization.command import Target
from dfs_core.runtime import load


def sides(value):
    return [side.dim_value or None for side in value.type.tensor_type.shape.dim]


def test_fixed_sides_are_those_of_the_graph_and_no_others_are_taken(checkpoints, tmp_path):
    out, figures = tmp_path / "fixed.onnx", tmp_path / "figures.json"
    export(*checkpoints, out, size="320x180", batch=2, json_=figures)
    graph = onnx.load(out).graph
    assert sides(graph.input[0]) == [2, 180, 320, 3]
    low = list(Artifact("", CAMVID_11).network_size(180, 320))
    assert [sides(value) for value in graph.output] == [[2, 180, 320, 3], [2, *low], [2]]
    found = json.loads(figures.read_text())
    assert found["macs_size"] == {"height": 180, "width": 320}
    assert {tuple(row["frames"].values()) for row in found["parity"]} == {(2, 180, 320)}
    assert read_model(out).sides == (2, 180, 320)
    with load(out, "onnxruntime") as dehazer:
        assert dehazer(np.zeros((2, 180, 320, 3), np.uint8)).dehazed.shape == (2, 180, 320, 3)
        with pytest.raises(BackendError, match="invalid dimensions"):
            dehazer(np.zeros((1, 180, 322, 3), np.uint8))


def test_the_largest_size_is_compared_and_becomes_that_of_engines(checkpoints, tmp_path):
    out, figures = tmp_path / "model.onnx", tmp_path / "figures.json"
    export(*checkpoints, out, max_size="640x400", json_=figures)
    assert artifact.read(out).max_size == (400, 640)
    compared = {tuple(row["frames"].values()) for row in json.loads(figures.read_text())["parity"]}
    assert compared == {(1, 270, 480), (1, 361, 479), (2, 360, 640), (1, 400, 640)}
    model = read_model(out)
    assert choose_profile(model.sides, made_for=model.made_for) == Profile((1, 1, 1), (1, 400, 640), (4, 400, 640))


def test_whole_numbers_are_made_in_one_go(checkpoints, camvid, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(parity, "FRAMES", (Frames(1, 96, 160),))
    out = tmp_path / "model.onnx"
    calibration = str(camvid / "train/images")
    export(*checkpoints, out, precision=Precision.INT8, calibration=calibration, target=Target.TENSORRT)
    description = artifact.read(out)
    assert (description.precision, description.quantized_for) == ("int8", "tensorrt")
    told = capsys.readouterr().out
    assert "difference from torch" in told
    assert "model.onnx beside model_fp32.onnx" in told
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_whole_numbers_without_frames_to_calibrate_on_are_refused(checkpoints, tmp_path):
    for options in ({"precision": Precision.INT8}, {"calibration": "scenes"}):
        with pytest.raises(ArtifactError, match="--precision int8 and --calibration FOLDER belong together"):
            export(*checkpoints, tmp_path / "model.onnx", **options)


def test_a_size_and_a_largest_size_are_refused(checkpoints, tmp_path):
    with pytest.raises(ArtifactError, match="give one of them"):
        export(*checkpoints, tmp_path / "model.onnx", size="640x360", max_size="640x360")
