"""What is measured between two files, and when it is too much."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from dfs_core.errors import ArtifactError, ConfigError
from dfs_core.evaluation.dataset import FoggyScenes
from dfs_core.labels import CAMVID_11
from dfs_core.offline_images import find_images, read_image
from dfs_core.quantization import report
from dfs_core.quantization.loss import Bounds, Row, compare, compare_with_truth, exceeds, parse_bounds

ROWS = [
    Row("PSNR between both", "openvino", None, 47.25, 47.25, "frames", "dB"),
    Row("PSNR between both", "onnxruntime", None, 46.5, 46.5, "frames", "dB"),
    Row("labels changed", "openvino", None, 2.0, 2.0, "labels", "%"),
    Row("mIoU of mask", "camvid/val", 56.5, 55.0, 1.5, "miou", "points"),
]


@pytest.fixture
def doubled_density(model, tmp_path):
    """The small model, but it takes fog for twice as dense."""
    names = {constant.output[0]: constant for constant in model.graph.node if constant.op_type == "Constant"}
    names["network.scale"].attribute[0].t.CopyFrom(onnx.numpy_helper.from_array(np.float32(0.1)))
    onnx.save(model, tmp_path / "doubled.onnx")
    return tmp_path / "doubled.onnx"


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_file_loses_nothing_against_itself(model_path, pictures, backend):
    seen = []
    frames = [read_image(path) for path in find_images(pictures)[:3]]
    rows = compare(model_path, model_path, frames, backend=backend, advance=lambda: seen.append(1))
    assert {row.bound: row.lost for row in rows} == {"frames": 100.0, "labels": 0.0, "density": 0.0}
    assert len(seen) == 3


def test_density_that_doubles_changed_by_100_percent(model_path, doubled_density, pictures):
    frames = [read_image(path) for path in find_images(pictures)[:2]]
    rows = compare(model_path, doubled_density, frames, backend="onnxruntime", advance=lambda: None)
    assert {row.bound: row.lost for row in rows} == pytest.approx({"frames": 100.0, "labels": 0.0, "density": 100.0})


def test_truth_is_asked_in_every_fog(model_path, camvid):
    scenes = FoggyScenes(str(camvid), betas=(0.0, 0.05), labels=CAMVID_11, limit=2, seed=0)
    seen = []
    rows = compare_with_truth(model_path, model_path, scenes, backend="openvino", advance=lambda: seen.append(1))
    assert len(seen) == 4
    assert [(row.bound, row.lost) for row in rows] == [("psnr", 0.0), ("miou", 0.0)]
    assert all(row.original == row.quantised and math.isfinite(row.quantised) for row in rows)


@pytest.mark.parametrize(
    ("row", "worse"),
    [
        (ROWS[0], {"lost": 39.9}),
        (ROWS[2], {"lost": 3.1}),
        (ROWS[3], {"lost": math.nan}),
        (replace(ROWS[3], lost=0.5), {"lost": 1.01}),
    ],
)
def test_bounds(row, worse):
    bounds = Bounds(miou=2.0) if row is ROWS[3] else Bounds()
    assert not exceeds(row, bounds)
    assert exceeds(replace(row, **worse), bounds)


def test_bounds_are_read_by_name():
    assert parse_bounds(["labels=2", "frames=45.5"]) == Bounds(labels=2.0, frames=45.5)
    assert parse_bounds([]) == Bounds()


@pytest.mark.parametrize("words", ["labels", "labels=few", "colour=3", "labels=nan"])
def test_other_bounds_are_refused(words):
    with pytest.raises(ConfigError, match=r"must be NAME=NUMBER with one of frames, labels, density, psnr, miou"):
        parse_bounds([words])


def test_refusal_names_figure_bound_and_remedy():
    report.refuse_loss(ROWS, Bounds(miou=2.0), Path("int8.onnx"))
    with pytest.raises(ArtifactError) as refused:
        report.refuse_loss(ROWS, Bounds(), Path("int8.onnx"))
    assert str(refused.value) == (
        "int8.onnx: not written, because quantisation loses too much: mIoU of mask on camvid/val: 1.50 points lost "
        "(at most 1 points). Calibrate on more frames and on such as the camera takes, or allow it with "
        "--max-loss miou=NUMBER"
    )


def test_worst_of_each_figure_goes_into_the_file():
    assert report.metrics(ROWS) == {"quantized_frames": 46.5, "quantized_labels": 2.0, "quantized_miou": 1.5}


def test_figures_for_machines(tmp_path):
    report.write_json(ROWS, tmp_path / "rows.json")
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert rows[3] == {
        "figure": "mIoU of mask", "where": "camvid/val", "original": 56.5, "quantised": 55.0, "lost": 1.5,
        "bound": "miou", "unit": "points",
    }  # fmt: skip
