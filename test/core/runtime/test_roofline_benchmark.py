"""What is told of GPUs on paper follows from the model file and from the peaks alone."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("roofline_benchmark", ROOT / "benchmarks" / "roofline.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_costs_of_the_small_model_are_those_counted_by_hand(script, model_path):
    work = script.cost(model_path, (1, 108, 192, 3))
    low = 96 * 48  # the network's own size, 108 / 192 of its width in steps of 16
    assert work.macs == low * 9 * (3 * 8 + 8 * 1 + 8 * 3 + 3 * 8 + 8 * 11)
    assert work.bus == 2 * 108 * 192 * 3 + low + 4
    for precision in ("fp16", "int8"):
        assert work.bus < work.fused[precision] < work.unfused[precision]
    assert work.fused["int8"] < work.fused["fp16"]


def test_rates_follow_from_the_slower_of_arithmetic_and_memory(script):
    work = script.Work(macs=10**9, kernels=100, fused={"fp16": 10**8}, unfused={"fp16": 10**9}, bus=10**7)
    gpu = script.Gpu("some", fp16=1e12, int8=2e12, memory=1e12, bus=1e10)
    found = script.bounds(gpu, work, "fp16")
    assert found["best_fps"] == pytest.approx(1 / (1e-3 + 1e-3))  # arithmetic binds, then the bus
    assert found["unfused_fps"] == pytest.approx(1 / (1e-3 + 1e-3 + 100 * script.KERNEL_S))


def test_table_and_figures_name_every_gpu(model_path, tmp_path):
    command = [sys.executable, "benchmarks/roofline.py", "--model", model_path, "--size", "96x64"]
    run = subprocess.run(
        [*command, "--json", tmp_path / "roofline.json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    figures = json.loads((tmp_path / "roofline.json").read_text())
    assert set(figures["gpus"]) == {"RTX 4090", "L4", "AGX Orin 64 GB"}
    for name, formats in figures["gpus"].items():
        assert name.split()[0] in run.stdout
        assert set(formats) == {"fp16", "int8"}
        for found in formats.values():
            assert found["best_fps"] > found["unfused_fps"] > 0
