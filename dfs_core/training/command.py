"""`dfs train`: train a network as a configuration says."""

from pathlib import Path
from typing import Annotated

import typer

ACCELERATORS = ("cpu", "cuda", "auto")


def train(
    config: Annotated[Path, typer.Option(help="YAML file, such as config/train/smoke.yaml.")],
    out: Annotated[Path, typer.Option(help="Folder that the run is kept in.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a key, such as --set steps=100 or --set loss.pixel=5. Repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint in --out, if it has one.")] = True,
    devices: Annotated[str, typer.Option(help="How many GPUs, or processes on a CPU; or auto.")] = "auto",
    accelerator: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "auto",
    nodes: Annotated[int, typer.Option(min=1, help="Machines, when started by torchrun or fabric on each.")] = 1,
) -> None:
    """Train a dehazer or a segmenter; a run that was stopped goes on where it was.

    The folder --out holds the resolved configuration, metrics (CSV, JSON lines, TensorBoard), pictures of samples, a
    curve of the losses, last.ckpt and best.ckpt.
    """
    from dfs_core.errors import ConfigError
    from dfs_core.freed_memory import keep_freed_memory
    from dfs_core.training.config_file import read
    from dfs_core.training.dehazer import DehazerTask
    from dfs_core.training.loop import train as run
    from dfs_core.training.machine import make_fabric, settled
    from dfs_core.training.segmenter import SegmenterTask

    if accelerator not in ACCELERATORS:
        raise ConfigError(f"--accelerator must be one of {', '.join(ACCELERATORS)}, not '{accelerator}'")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: is a file, but a run is kept in a folder; name another")
    keep_freed_memory(of_any_size=True)
    settings = settled(read(config, set_ or []), accelerator=accelerator)
    fabric = make_fabric(settings, accelerator=accelerator, devices=devices, nodes=nodes)
    task = SegmenterTask(settings) if settings.task == "segmenter" else DehazerTask(settings)
    run(task, settings, out, resume=resume, fabric=fabric)


def epilog() -> str:
    """Return what `dfs train --help` says below the options."""
    from dfs_core.training.key_help import describe_keys

    return describe_keys()


train.epilog = epilog  # type: ignore[attr-defined]
