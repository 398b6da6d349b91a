"""Small networks that several tests share, each followed by torch's exporter once: that takes most of the time."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import nn

from dfs_core import onnx_trace
from dfs_core.export import drawn
from dfs_core.labels import CAMVID_11
from dfs_core.models import create_generator, create_segmenter
from dfs_core.training import checkpoint
from dfs_core.training.checkpoint import Checkpoint

OPTIONS: dict[str, dict[str, Any]] = {"fast": {"width": 4}, "lite": {"pretrained": False, "width": 8}}


def _fingerprint(network: nn.Module) -> str:
    """Return what tells a network from others: its modules, their options, its weights."""
    found = hashlib.sha256()
    for name, module in network.named_modules():
        options = {key: value for key, value in vars(module).items() if not key.startswith("_")}
        found.update(f"{name} {type(module).__qualname__} {options}".encode())
    for name, values in network.state_dict().items():
        found.update(name.encode() + values.numpy().tobytes())
    return found.hexdigest()


@pytest.fixture(scope="session", autouse=True)
def traced_once() -> Iterator[None]:
    """Keep what the exporter gave, and give copies of it to who asks for the same network again."""
    real, kept = onnx_trace.trace, {}

    def trace(network: nn.Module, outputs: Any, **options: Any) -> onnx.ModelProto:
        key = _fingerprint(network), tuple(outputs), tuple(sorted(options.items()))
        if key not in kept:
            kept[key] = real(network, outputs, **options)
        copied = onnx.ModelProto()
        copied.CopyFrom(kept[key])
        return copied

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_trace, "trace", trace)
        patch.setattr(drawn, "trace", trace)
        yield


@pytest.fixture(scope="session")
def parts() -> tuple[nn.Module, nn.Module]:
    """The generator and the segmenter that ship, with few channels and random weights; only to be read."""
    torch.manual_seed(0)
    generator, segmenter = (
        create_generator("fast", OPTIONS["fast"]),
        create_segmenter("lite", CAMVID_11, OPTIONS["lite"]),
    )
    with torch.no_grad():  # logits far apart, as those of a trained network are
        segmenter.logits.weight.mul_(50.0)
    return generator.eval().requires_grad_(False), segmenter.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def checkpoints(parts: tuple[nn.Module, nn.Module], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The checkpoints of both; only to be read."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for task, model, network in zip(("dehazer", "segmenter"), OPTIONS, parts, strict=True):
        config = {"task": task, "model": model, "model_options": OPTIONS[model], "data": {"name": "scenes"}}
        weights = network.state_dict()
        checkpoint.save(folder / task, Checkpoint(config, 1, weights, weights, {}, CAMVID_11.name))
    return folder / "dehazer", folder / "segmenter"
