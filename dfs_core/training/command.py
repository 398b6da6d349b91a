"""`dfs train`: train a network as a configuration says."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[Path, typer.Option(help="YAML file, such as config/train/dfs_fast_camvid.yaml.")],
    out: Annotated[Path, typer.Option(help="Folder that the run is kept in.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a key, such as --set steps=100 or --set loss.pixel=5.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint in --out, if it has one.")] = True,
) -> None:
    """Train a segmenter or a dehazer; stopped runs go on where they were."""
    from dfs_core.training.config import TrainingConfig, read
    from dfs_core.training.dehazer import DehazerTask
    from dfs_core.training.loop import train as run
    from dfs_core.training.progress import Progress
    from dfs_core.training.segmenter import SegmenterTask
    from dfs_core.training.task import Task

    settings: TrainingConfig = read(config, set_ or [])
    task: Task = SegmenterTask(settings) if settings.task == "segmenter" else DehazerTask(settings)
    run(task, settings, out, resume=resume, progress=Progress(settings.steps, settings.batch))
