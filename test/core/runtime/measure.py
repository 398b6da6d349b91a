"""What the other backends are held to."""

from pathlib import Path

from dfs_core import artifact
from dfs_core.runtime.onnxruntime import OnnxRuntimeDehazer


def whole(path: Path) -> OnnxRuntimeDehazer:
    """Return ONNX Runtime on a model file as it is, from frames to frames."""
    return OnnxRuntimeDehazer(path, artifact.read(path), precision="fp32", threads=1, whole=True)
