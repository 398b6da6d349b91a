"""Small networks with random weights, as files: checkpoints, a DFS model, and plain ONNX graphs."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from dfs_core.artifact import Artifact
from dfs_core.export.writing import write
from dfs_core.labels import CAMVID_11
from dfs_core.models import create_generator, create_segmenter
from dfs_core.models.pipeline import Network
from dfs_core.training import checkpoint
from dfs_core.training.checkpoint import Checkpoint

WIDTH = {"width": 4}
Side = int | str


def save_checkpoint(
    path: Path, task: str, model: str, options: dict[str, object], network: nn.Module, **others: object
) -> Path:
    """Write a network as a run of `dfs train` would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    config = {"task": task, "model": model, "model_options": options, **others}
    weights = network.state_dict()
    checkpoint.save(path, Checkpoint(config, 1, weights, weights, {}, CAMVID_11.name))
    return path


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return soft waves with some noise, RGB uint8 [H, W, 3]."""
    rng = np.random.default_rng(seed)
    rows, columns = np.linspace(0, 9, height)[:, None, None], np.linspace(0, 14, width)[None, :, None]
    soft = 120 + 90 * np.sin(rows + columns + np.array([0.0, 1.0, 2.0]))
    return np.clip(soft + rng.normal(0, 8, (height, width, 3)), 0, 255).astype(np.uint8)


def settle(network: nn.Module) -> nn.Module:
    """Return a random network, frozen, that has seen pictures: without their averages, its answers hardly vary."""
    frames = torch.from_numpy(np.stack([picture(96, 160, seed) for seed in range(4)])).permute(0, 3, 1, 2) / 255.0
    with torch.no_grad():
        for _ in range(30):
            network.train()(frames)
    return network.eval().requires_grad_(False)


def write_graph(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    *,
    given: Sequence[Side],
    made: Sequence[Side],
    kind: int = TensorProto.FLOAT,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write an ONNX file from `x` to `y` with declared shapes."""
    graph = helper.make_graph(
        list(nodes),
        "plain",
        [helper.make_tensor_value_info("x", kind, given)],
        [helper.make_tensor_value_info("y", kind, made)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def graph() -> Callable[..., Path]:
    """`write_graph`, for tests, which cannot import this file."""
    return write_graph


@pytest.fixture(scope="session")
def soft_picture() -> Callable[..., np.ndarray]:
    """`picture`, for tests."""
    return picture


@pytest.fixture(scope="session")
def checkpoint_of() -> Callable[..., Path]:
    """`save_checkpoint`, for tests."""
    return save_checkpoint


@pytest.fixture(scope="session")
def settled() -> Callable[[nn.Module], nn.Module]:
    """`settle`, for tests."""
    return settle


@pytest.fixture(scope="session")
def small_network() -> Network:
    """A generator and a segmenter of few channels."""
    torch.manual_seed(0)
    network = Network(create_generator("fast", WIDTH), create_segmenter("unet", CAMVID_11, WIDTH))
    settle(network).segmenter.logits.weight.mul_(20.0)  # far apart, so that rounding decides no class
    return network


@pytest.fixture(scope="session")
def small_runs(small_network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two runs: `generator/best.ckpt` and `segmenter/best.ckpt`; only to be read."""
    runs = tmp_path_factory.mktemp("runs")
    save_checkpoint(runs / "generator" / "best.ckpt", "dehazer", "fast", WIDTH, small_network.generator)
    save_checkpoint(runs / "segmenter" / "best.ckpt", "segmenter", "unet", WIDTH, small_network.segmenter)
    return runs


@pytest.fixture(scope="session")
def small_model(small_network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network as a DFS model; only to be read."""
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    write(small_network, Artifact("small_dfs", CAMVID_11), path)
    return path
