"""The benchmark's figures keep the names that other programs read, and its peer is the size that was published."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_the_runtime_benchmark_writes_its_figures(model_path, tmp_path):
    figures_path = tmp_path / "runtime.json"
    command = [
        sys.executable,
        "benchmarks/runtime.py",
        "--model",
        model_path,
        "--against",
        model_path,
        "--repeats",
        "3",
    ]
    run = subprocess.run([*command, "--json", figures_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    figures = json.loads(figures_path.read_text())
    for size in ("960x540", "1920x1080", "3840x2160"):
        assert figures[size]["fps"] * figures[size]["ms"] == pytest.approx(1000.0)
        assert size in run.stdout
        others = [figures[size][key] for key in ("peer", "against") if key in figures[size]]
        assert len(others) == (1 if size == "960x540" else 2)
        for other in others:
            assert other["ratio"] == pytest.approx(other["other_ms"] / other["ms"])
            assert f"{other['ratio']:.2f} times as long" in run.stdout
    assert figures["growth_4x"] == figures["1920x1080"]["ms"] / figures["960x540"]["ms"]


def test_the_peer_has_as_many_weights_as_aod_net():
    program = "from aodnet_class import build_aodnet_class as b; from math import prod; "
    program += "print(sum(prod(t.dims) for t in b(8, 8).graph.initializer if t.dims))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "benchmarks", capture_output=True, text=True, check=True
    )
    assert int(run.stdout) == 1761


def test_the_cold_start_benchmark_writes_its_figures(model_path, tmp_path):
    figures_path = tmp_path / "cold_start.json"
    command = [sys.executable, "benchmarks/cold_start.py", "--model", model_path, "--repeats", "1"]
    run = subprocess.run([*command, "--json", figures_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    figures = json.loads(figures_path.read_text())
    assert set(figures) == {"kept", "compiled"}
    for kind, seconds in figures.items():
        assert seconds["load_s"] > 0
        assert f"networks {kind}" in run.stdout
