"""The script for the first machine with a GPU: what it does without one, for real, and with one, on a simulated one."""

import importlib.util
import json
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
    command = [sys.executable, "benchmarks/gpu.py", "--model", model_path, "--sizes", "320x240", "--batches", "1,2"]
    run = subprocess.run(
        [*command, "--target", "sm89", "--json", figures_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert run.stderr == ""
    figures = json.loads(figures_path.read_text())
    assert figures["engine"]["target"] == "sm89"
    assert figures["engine"]["frames"] == "frames 1x1 to 853x487, best at 320x240, batch 1 to 2, best at 1"
    assert figures["engine"]["mb"] > 0
    assert figures["error"] == f"the engine is built, but cannot be run: {NO_CUDA}"
    assert run.stdout.splitlines()[-1] == f"not measured: {figures['error']}"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "none.onnx"], "none.onnx: cannot be opened"),
        (["--sizes", "big"], "a size is WIDTHxHEIGHT in pixels, such as 1920x1080, not 'big'"),
        (["--batches", "many"], "invalid literal"),
    ],
)
def test_options_without_sense_are_refused(options, words):
    command = [sys.executable, "benchmarks/gpu.py", *options]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert words in run.stdout


def test_all_figures_are_there(script, model_path, tmp_path, capsys):
    script.main(model=str(model_path), json_file=tmp_path / "gpu.json", **SMALL)
    figures = json.loads((tmp_path / "gpu.json").read_text())
    assert set(figures) == {"model", "gpu", "memory", "engine", "load_s", "parity", "sizes", "onnxruntime-cuda"}
    assert figures["gpu"] == {"name": "Simulated GPU", "compute_capability": "8.6"}
    assert set(figures["parity"]) == {f"{n}x{size}" for n in (1, 2) for size in ("64x48", "96x64", "853x487")}
    for found in figures["parity"].values():
        assert found == {"max_difference": 0, "mean_difference": 0.0, "equal_labels": 1.0, "density_error": 0.0}
    for size in figures["sizes"].values():
        assert size["ms"]["p95"] >= size["ms"]["p50"] > 0
        assert size["network_ms"]["p50"] > 0
        assert set(size["fps"]) == set(size["network_fps"]) == {"1", "3"}
    assert figures["memory"]["free_mb"] > figures["memory"]["all_sizes_mb"] > figures["memory"]["loaded_mb"] > 0
    assert "this ONNX Runtime only has" in figures["onnxruntime-cuda"]["error"]
    assert "frames/s by batch" in capsys.readouterr().out


def test_wrong_frames_fail_it_with_all_figures_kept(script, model_path, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(script.PARITY, "fp32", (-1, 1.0))
    with pytest.raises(typer.Exit) as end:
        script.main(model=str(model_path), json_file=tmp_path / "gpu.json", **SMALL)
    assert end.value.exit_code == 1
    figures = json.loads((tmp_path / "gpu.json").read_text())
    assert "are not what ONNX Runtime makes of them" in figures["error"]
    assert len(figures["sizes"]) == 2
    assert "not what ONNX Runtime makes" in capsys.readouterr().out
