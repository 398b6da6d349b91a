"""Open any segmenter that a file holds: a checkpoint, a DFS model, another project's ONNX file."""

from pathlib import Path

from dfs_core.errors import ArtifactError
from dfs_core.evaluation import onnx_file
from dfs_core.evaluation.judges.artifact import ArtifactJudge
from dfs_core.evaluation.judges.checkpoint import CheckpointJudge
from dfs_core.evaluation.judges.judge import Judge
from dfs_core.evaluation.judges.plain import CONVENTION, PlainJudge


def open_judge(path: Path, *, name: str | None = None, threads: int | None = None) -> Judge:
    """Return the segmenter that a file holds.

    Args:
        path: a segmenter's checkpoint (`.ckpt`), a DFS model (`.onnx`), whose segmenter alone is asked, or a plain
            segmentation network (`.onnx`; see `judges.plain.CONVENTION`).
        name: what its rows call it; if not given, a checkpoint's run folder, what a DFS model is called, a plain file's
            name.
        threads: processor threads; ONNX Runtime's own choice if not given.

    Raises:
        ArtifactError: it is none of these, or damaged, or its description does not fit.
        CheckpointError: the checkpoint is damaged, or one of another task.
        BackendError: nothing on this machine can run it.
    """
    if path.suffix == ".ckpt":
        return CheckpointJudge(path, name=name, threads=threads)
    if path.suffix != ".onnx":
        raise ArtifactError(
            f"{path}: a judge is a segmenter's checkpoint (.ckpt), a DFS model (.onnx), or an ONNX file that has "
            f"{CONVENTION}"
        )
    model = onnx_file.read(path)
    if onnx_file.is_dfs(model):
        return ArtifactJudge(path, name=name, threads=threads)
    return PlainJudge(path, model, name=name, threads=threads)
