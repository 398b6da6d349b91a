"""Open any dehazer that a file holds: a DFS model, a checkpoint, another project's ONNX file."""

from pathlib import Path

from dfs_core.errors import ArtifactError
from dfs_core.evaluation import onnx_file
from dfs_core.evaluation.methods.checkpoint import CheckpointDehazer
from dfs_core.evaluation.methods.dfs_model import DfsModel
from dfs_core.evaluation.methods.method import Method
from dfs_core.evaluation.methods.plain import CONVENTION, OnnxTranslator


def open_method(path: Path, *, name: str | None = None, threads: int | None = None) -> Method:
    """Return the dehazer that a file holds.

    Args:
        path: a DFS model (`.onnx`), a dehazer's checkpoint (`.ckpt`), or a plain image-to-image network (`.onnx`; see
            `methods.plain.CONVENTION`).
        name: of its row; if not given, what a DFS model is called, a checkpoint's run folder, a plain file's name.
        threads: processor threads that ONNX Runtime or OpenVINO may use; theirs to choose if not given.

    Raises:
        ArtifactError: it is none of these, or damaged.
        CheckpointError: the checkpoint is damaged, or one of another task.
        BackendError: nothing on this machine can run it.
    """
    if path.suffix == ".ckpt":
        return CheckpointDehazer(path, name=name)
    if path.suffix != ".onnx":
        raise ArtifactError(
            f"{path}: a method is a DFS model (.onnx), a dehazer's checkpoint (.ckpt), or an ONNX file that has "
            f"{CONVENTION}"
        )
    model = onnx_file.read(path)
    if onnx_file.is_dfs(model):
        return DfsModel(path, name=name, threads=threads)
    return OnnxTranslator(path, model, name=name, threads=threads)
