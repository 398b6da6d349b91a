"""What the other backends are held to, and frames to try them on."""

from pathlib import Path

import numpy as np

from dfs_core import artifact
from dfs_core.engines.profile import Profile
from dfs_core.runtime import Result
from dfs_core.runtime.dehazer import Frames
from dfs_core.runtime.onnxruntime import OnnxRuntimeDehazer

UPTO_FOUR = Profile((1, 1, 1), (1, 72, 128), (4, 400, 400))
"""Small frames, up to four at once."""


def whole(path: Path) -> OnnxRuntimeDehazer:
    """Return ONNX Runtime on a model file as it is, from frames to frames."""
    return OnnxRuntimeDehazer(path, artifact.read(path), precision="fp32", threads=1, whole=True)


def pictures(*shape: int, seed: int = 0) -> Frames:
    """Return frames of noise, uint8 [*shape, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def same(found: Result, expected: Result) -> None:
    """Hold a result to another, bit for bit."""
    np.testing.assert_array_equal(found.dehazed, expected.dehazed)
    np.testing.assert_array_equal(found.mask, expected.mask)
    np.testing.assert_array_equal(found.fog_density, expected.fog_density)
