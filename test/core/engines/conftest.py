"""A model file of four channels, the real builder, and keys for GPUs that need not be here."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from dfs_core.artifact import Artifact
from dfs_core.engines.flavour import import_tensorrt, is_installed
from dfs_core.engines.key import EngineKey
from dfs_core.engines.model_file import ModelFile, read_model
from dfs_core.engines.profile import Profile
from dfs_core.engines.target import Target
from dfs_core.labels import CAMVID_11
from dfs_core.onnx_frame import enclose

CORE = """
<ir_version: 10, opset_import: ["" : 18]>
core (float[N, 3, h, w] low_resolution)
  => (float[N, 4, h, w] restoration, uint8[N, h, w] mask, float[N] fog_density) {
  seen = Conv <pads = [1, 1, 1, 1]> (low_resolution, w_seen)
  positive = Relu (seen)
  restoration = Conv (positive, w_restoration)
  logits = Conv (positive, w_logits)
  best = ArgMax <axis = 1, keepdims = 0> (logits)
  mask = Cast <to = 2> (best)
  axes = Constant <value = int64[3] {1, 2, 3}> ()
  fog_density = ReduceMean <keepdims = 0> (positive, axes)
}
"""
SHAPES = {"w_seen": (4, 3, 3, 3), "w_restoration": (4, 4, 1, 1), "w_logits": (11, 4, 1, 1)}


def _write_model(path: Path, *, seed: int = 0, **description: str) -> Path:
    """Write a whole model with random weights."""
    random = np.random.default_rng(seed)
    core = onnx.parser.parse_model(CORE)
    for name, shape in SHAPES.items():
        core.graph.initializer.append(numpy_helper.from_array(random.normal(0, 0.3, shape).astype(np.float32), name))
    onnx.save(enclose(core, Artifact("small", CAMVID_11, network_width=96, **description)), path)
    return path


@pytest.fixture(scope="session")
def write_model() -> Callable[..., Path]:
    """Write a small model with a seed and a description of its own."""
    return _write_model


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that holds the small model; only to be read."""
    return _write_model(tmp_path_factory.mktemp("model") / "small.onnx")


@pytest.fixture(scope="session")
def model(model_path: Path) -> ModelFile:
    """The small model as an engine is built from it."""
    return read_model(model_path)


@pytest.fixture(scope="session")
def tensorrt() -> ModuleType:
    """The package that builds engines without a GPU."""
    if not is_installed("tensorrt_rtx"):
        pytest.skip("tensorrt_rtx, which builds engines without a GPU, is not installed")
    return import_tensorrt("tensorrt_rtx")


@pytest.fixture
def key() -> EngineKey:
    """A key for a GPU that was here."""
    return EngineKey("00ff", "tensorrt", "10.3.0", Target("Some GPU", ((8, 6),)), "fp32", tf32=False, profile=Profile())
