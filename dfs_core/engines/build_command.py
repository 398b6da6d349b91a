"""`dfs build-engine`: a model file as a TensorRT engine that is ready before the vehicle starts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from types import ModuleType

    from dfs_core.engines.key import EngineKey
    from dfs_core.engines.progress import OnProgress
    from dfs_core.engines.target import ComputeCapability, Target

_SIZE = "WIDTHxHEIGHT"
_INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def build_engine(
    model: Annotated[str, typer.Argument(help="The model file, or the name of one that comes with this package.")],
    target: Annotated[
        str | None,
        typer.Option(
            metavar="SM,…",
            help="Build ahead of time for GPUs that need not be here, such as sm86,sm89 (TensorRT for RTX). Without "
            "it: for the GPU in this machine; where there is none, one engine for Ampere and later.",
        ),
    ] = None,
    min_size: Annotated[str | None, typer.Option(metavar=_SIZE, help="The smallest frames; 1x1 by default.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar=_SIZE, help="The usual frames, for which it is made fast; 1920x1080.")
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(metavar=_SIZE, help="The largest frames; what the file was exported for, or 3840x2160."),
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, metavar="N", help="How many frames at once, usually; 1.")] = None,
    max_batch: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many at most; 4, or --batch if more.")
    ] = None,
    tf32: Annotated[
        bool,
        typer.Option(
            "--tf32", help="Allow float32 with 10 bits of mantissa; loaded where precision 'auto' is asked for."
        ),
    ] = False,
    workspace_mb: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="MB",
            help="How much memory one layer may use while it runs; an engine that is there stays without --rebuild.",
        ),
    ] = 2048,
    flavour: Annotated[
        str | None, typer.Option(help="tensorrt or tensorrt_rtx; by default the one that can build for the target.")
    ] = None,
    cache_dir: Annotated[
        Path | None,
        typer.Option(help="Where engines are kept; $XDG_CACHE_HOME/dfs/engines, where backends look, by default."),
    ] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build even when it is there already.")] = False,
) -> None:
    """Build a model's TensorRT engine and keep it, so that no start has to wait for it.

    Its number format is the file's own. Ctrl-C ends the build, and leaves nothing. `dfs engines` shows what is kept.
    """
    from dfs_core.engines.build import build
    from dfs_core.engines.cache import EngineCache
    from dfs_core.engines.key import EngineKey
    from dfs_core.engines.model_file import read_model
    from dfs_core.engines.profile import choose_profile
    from dfs_core.engines.target import parse_targets
    from dfs_core.errors import EngineError
    from dfs_core.runtime.loading import model_file
    from dfs_core.whole_output import require_place

    asked = parse_targets(target) if target is not None else ()
    file = read_model(model_file(model))
    profile = choose_profile(
        file.sides,
        smallest=(None, *_size(min_size)),
        usual=(batch, *_size(size)),
        largest=(max_batch, *_size(max_size)),
        made_for=file.made_for,
    )
    tensorrt, built_for = _choose(flavour, asked)
    key = EngineKey.of(file, tensorrt, built_for, profile, tf32=tf32)
    cache = EngineCache(cache_dir)
    entry = cache.entry(key)
    require_place(entry.folder)
    seconds = None

    def build_now() -> bytes:
        nonlocal seconds
        typer.echo(f"building the engine of {file.path.name} for {built_for} with {_maker(key)}", err=True)
        started = time.monotonic()
        with _progress() as on_progress:
            engine = build(
                file,
                profile,
                built_for,
                tensorrt=tensorrt,
                tf32=tf32,
                workspace_mb=workspace_mb,
                on_progress=on_progress,
            )
        seconds = time.monotonic() - started
        return engine

    try:
        engine = cache.get(key, build_now, model=file.path.name, rebuild=rebuild)
    except KeyboardInterrupt:
        typer.secho(f"dfs: {file.path}: ended by Ctrl-C, nothing was kept", fg=typer.colors.RED, err=True)
        raise typer.Exit(_INTERRUPTED) from None
    if not entry.folder.exists():
        raise EngineError(f"{entry.folder}: the engine was built but could not be kept; name another --cache-dir")
    how = "was there already" if seconds is None else f"built in {seconds:.1f} s"
    typer.echo(
        f"{entry.folder}: {len(engine) / 1e6:.1f} MB for {built_for}, {_maker(key)}, {key.precision}, {profile}; {how}"
    )


def _choose(flavour: str | None, asked: "tuple[ComputeCapability, ...]") -> "tuple[ModuleType, Target]":
    """Return the package that can build for what was asked for, and what it is to build for.

    TensorRT itself may end the process where there is no GPU, so that is found out before it is started.
    """
    from dfs_core.engines.flavour import FLAVOURS, TENSORRT_RTX, import_tensorrt, is_installed
    from dfs_core.engines.target import Gpu, choose_target
    from dfs_core.errors import EngineError
    from dfs_core.runtime.cuda_driver import CudaDevice
    from dfs_core.runtime.probes import missing_cuda_device

    if flavour is not None and flavour not in FLAVOURS:
        raise EngineError(f"--flavour must be one of {', '.join(FLAVOURS)}, not '{flavour}'")
    no_gpu = missing_cuda_device()
    ahead = bool(asked) or no_gpu is not None
    if flavour is None and ahead and is_installed(TENSORRT_RTX):
        flavour = TENSORRT_RTX
    tensorrt = import_tensorrt(flavour)
    gpu = None
    if not ahead:
        device = CudaDevice()
        gpu = Gpu(device.name, device.compute_capability)
        device.close()
    return tensorrt, choose_target(tensorrt, gpu, asked, no_gpu=no_gpu or "")


def _size(words: str | None) -> tuple[int | None, int | None]:
    from dfs_core.engines.profile import parse_size

    return (None, None) if words is None else parse_size(words)


def _maker(key: "EngineKey") -> str:
    return f"{key.flavour} {key.version}"


@contextmanager
def _progress() -> "Iterator[OnProgress]":
    """Show how far the build is and at which step; yields what the builder is to tell."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False)
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=1.0)

        def show(step: str, share: float) -> bool:
            progress.update(task, description=step, completed=share)
            return True

        yield show
