"""The script for the first machine with a GPU: what it does without one, for real, and with one, on a simulated one."""

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from dfs_core.runtime.probes import missing_cuda_device

from .simulated_tensorrt import PLAN

NO_CUDA = missing_cuda_device()
ROOT = Path(__file__).parents[3]
SMALL = {"sizes": "96x64,64x48", "batches": "1,3", "repeats": 3, "target": None}
RIGHT = {"max_difference": 0, "mean_difference": 0.0, "equal_labels": 1.0, "density_error": 0.0, "right": True}


@pytest.fixture
def script(package, monkeypatch):
    """The script, on a simulated GPU."""
    spec = importlib.util.spec_from_file_location("gpu_benchmark", ROOT / "benchmarks" / "gpu.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "missing_cuda_device", lambda: None)
    monkeypatch.setattr(module, "import_tensorrt", lambda _: package)
    monkeypatch.setattr(module, "build", lambda model, *_, **__: PLAN + model.content)
    return module


@pytest.mark.skipif(NO_CUDA is None, reason="has a GPU")
@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt_rtx is not installed")
def test_without_a_gpu_an_engine_is_built_and_the_end_is_clean(model_path, tmp_path):
    figures_path = tmp_path / "gpu.json"
    command = [sys.executable, "benchmarks/gpu.py", "--model", model_path, "--sizes", "960x540,320x240"]
    run = subprocess.run(
        [*command, "--batches", "1,2", "--target", "sm89", "--json", figures_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr == ""
    figures = json.loads(figures_path.read_text())
    assert set(figures["sizes"]) == {"320x240", "960x540"}
    for size, largest in (("320x240", "853x487"), ("960x540", "960x540")):
        engine = figures["sizes"][size]["engine"]
        assert engine["target"] == "sm89"
        best = "" if size == largest else f", best at {size}"
        assert engine["frames"] == f"frames 1x1 to {largest}{best}, batch 1 to 2, best at 1"
        assert engine["mb"] > 0
    assert figures["error"] == f"the engines are built, but cannot be run: {NO_CUDA}"
    assert run.stdout.splitlines()[-1] == f"not measured: {figures['error']}"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "none.onnx"], "none.onnx: cannot be opened"),
        (["--sizes", "big"], "a size is WIDTHxHEIGHT in pixels, such as 1920x1080, not 'big'"),
        (["--batches", "many"], "batches are whole numbers of frames from 1 on, such as 1,2,4, not 'many'"),
        (["--batches", "0,2"], "such as 1,2,4, not '0,2'"),
        (["--batches", "1,,2"], "such as 1,2,4, not '1,,2'"),
    ],
)
def test_options_without_sense_are_refused(options, words):
    command = [sys.executable, "benchmarks/gpu.py", *options]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert words in " ".join(run.stdout.split())
    assert run.stderr == ""


def test_all_figures_are_there(script, model_path, tmp_path, capsys):
    script.main(model=str(model_path), json_file=tmp_path / "gpu.json", **SMALL)
    figures = json.loads((tmp_path / "gpu.json").read_text())
    assert set(figures) == {"model", "gpu", "memory", "sizes", "onnxruntime-cuda"}
    assert figures["gpu"] == {"name": "Simulated GPU", "compute_capability": "8.6"}
    assert set(figures["sizes"]) == {"96x64", "64x48"}
    for name, size in figures["sizes"].items():
        assert set(size["parity"]) == {f"{n}x{frames}" for n in (1, 2) for frames in (name, "853x487")}
        for found in size["parity"].values():
            assert found == RIGHT
        assert size["engine"]["frames"] == f"frames 1x1 to 853x487, best at {name}, batch 1 to 3, best at 1"
        assert size["ms"]["p95"] >= size["ms"]["p50"] > 0
        assert size["network_ms"]["p50"] > 0
        assert set(size["fps"]) == set(size["network_fps"]) == {"1", "3"}
        assert figures["memory"]["free_mb"] > size["measured_mb"] > size["loaded_mb"] > 0
    assert "this ONNX Runtime only has" in figures["onnxruntime-cuda"]["error"]
    assert "frames/s by batch" in capsys.readouterr().out


def test_wrong_frames_fail_it_with_all_figures_kept(script, model_path, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(script.PARITY, "fp32", (-1, 1.0, 0.0))
    with pytest.raises(typer.Exit) as end:
        script.main(model=str(model_path), json_file=tmp_path / "gpu.json", **SMALL)
    assert end.value.exit_code == 1
    figures = json.loads((tmp_path / "gpu.json").read_text())
    assert figures["error"].count("are not what ONNX Runtime makes of them") == 2
    assert all("network_fps" in size for size in figures["sizes"].values())
    assert "not what ONNX Runtime makes" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [{"max_difference": 2}, {"equal_labels": 0.99}, {"density_error": 0.002}, {"density_error": math.nan}],
    ids=str,
)
def test_each_figure_that_is_too_far_off_is_wrong(script, wrong):
    assert script.is_right(RIGHT, "fp32")
    assert not script.is_right({**RIGHT, **wrong}, "fp32")


def test_too_little_memory_costs_no_figure_but_those_it_is_too_little_for(
    script, driver, model_path, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(script, "ODD_SIZE", (37, 53))
    driver.room = 60_000_000  # one frame of 320x240 takes 15 MB, with two beside it there is no room for three
    options = {**SMALL, "sizes": "320x240,64x48"}
    with pytest.raises(typer.Exit):
        script.main(model=str(model_path), json_file=tmp_path / "gpu.json", **options)
    figures = json.loads((tmp_path / "gpu.json").read_text())
    small, large = (figures["sizes"][size] for size in ("64x48", "320x240"))
    assert set(small["fps"]) == {"1", "3"}
    assert "error" not in small
    assert set(large["parity"]) == {f"{n}x{frames}" for n in (1, 2) for frames in ("320x240", "53x37")}
    assert set(large["fps"]) == set(large["network_fps"]) == {"1"}
    assert "out of memory" in large["error"]
    assert figures["error"] == f"320x240: {large['error']}"
    assert "this ONNX Runtime only has" in figures["onnxruntime-cuda"]["error"]
    said = " ".join(capsys.readouterr().out.split())
    assert f"320x240 error: {large['error']}" in said


def test_what_nobody_foresaw_is_raised_with_the_figures_written(script, model_path, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(script, "time_size", fail)
    with pytest.raises(RuntimeError, match="no such kernel"):
        script.main(model=str(model_path), json_file=tmp_path / "gpu.json", **SMALL)
    figures = json.loads((tmp_path / "gpu.json").read_text())
    assert figures["error"] == "RuntimeError('no such kernel')"
    assert len(figures["sizes"]["64x48"]["parity"]) == 4
