"""How long a model takes on this machine, step by step, and in turn with a peer at full resolution or another file."""

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from dfs_core.runtime import Dehazer, load
from dfs_core.runtime.dehazer import Frames
from dfs_core.runtime.row_pool import usable_processors

SIZES = ((540, 960), (1080, 1920), (2160, 3840))
PEER_SIZES = SIZES[1:]


def main(
    model: Annotated[Path | None, typer.Option(help="Model file; the one that ships if not given.")] = None,
    backend: Annotated[str, typer.Option(help="Backend, or auto for the best that this machine has.")] = "auto",
    precision: Annotated[str, typer.Option(help="fp32, or auto for the fastest format.")] = "fp32",
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    repeats: Annotated[int, typer.Option(min=3, help="Timed runs of each size; their median counts.")] = 25,
    peer: Annotated[bool, typer.Option(help="Also time a network of AOD-Net's shape.")] = True,
    against: Annotated[Path | None, typer.Option(help="Model file to time in turn with the model.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Time dehazing and segmentation of one frame at three sizes."""
    with load(model, backend, precision=precision, threads=threads) as dehazer:
        figures: dict[str, Any] = {
            "model": dehazer.artifact.name,
            "backend": dehazer.backend,
            "precision": dehazer.precision,
            "threads": threads,
            "processors": usable_processors(),
        }
        for height, width in SIZES:
            figures[f"{width}x{height}"] = time_size(dehazer, height, width, repeats=repeats)
        figures["growth_4x"] = figures["1920x1080"]["ms"] / figures["960x540"]["ms"]
        if peer:
            for height, width in PEER_SIZES:
                peer_run = peer_at(height, width, threads=threads)
                in_turn = time_beside(dehazer, peer_run, height, width, repeats=repeats // 3)
                figures[f"{width}x{height}"]["peer"] = in_turn
        if against is not None:
            figures["against"] = against.name
            with load(against, backend, precision=precision, threads=threads) as other:
                for height, width in SIZES:
                    frames = picture(height, width)[None]
                    in_turn = time_beside(dehazer, partial(other, frames), height, width, repeats=repeats)
                    figures[f"{width}x{height}"]["against"] = in_turn
    show(figures)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


def time_size(dehazer: Dehazer, height: int, width: int, *, repeats: int) -> dict[str, Any]:
    """Return what one frame of a size costs: milliseconds and frames per second with image and mask, and the split."""
    frames = picture(height, width)[None]
    total_ms = median_ms(lambda: dehazer(frames), repeats=repeats)
    figures: dict[str, Any] = {
        "fps": 1000.0 / total_ms,
        "ms": total_ms,
        "mask_only_ms": median_ms(lambda: dehazer(frames, dehaze=False), repeats=repeats),
        "image_only_ms": median_ms(lambda: dehazer(frames, segment=False), repeats=repeats),
    }
    if dehazer.backend == "openvino":
        figures["steps"] = time_steps(dehazer, height, width, total_ms=total_ms, repeats=repeats)
    return figures


def time_steps(dehazer: Dehazer, height: int, width: int, *, total_ms: float, repeats: int) -> dict[str, float]:
    """Return milliseconds of shrinking and restoring a frame; what is left of the total is the network."""
    from dfs_core.runtime.openvino import OpenVinoDehazer

    if not isinstance(dehazer, OpenVinoDehazer):
        raise TypeError(f"only OpenVINO runs in steps, not {dehazer.backend}")
    frames = picture(height, width)[None]
    low_height, low_width = dehazer.artifact.network_size(height, width)
    low_resolution = np.empty((1, 3, low_height, low_width), np.float32)
    restoration = np.ones((1, 4, low_height, low_width), np.float32)
    dehazed = np.empty_like(frames)
    shrink_ms = median_ms(lambda: dehazer.kernels.shrink(frames, low_resolution), repeats=repeats)
    restore_ms = median_ms(lambda: dehazer.kernels.restore(frames, restoration, dehazed), repeats=repeats)
    return {"shrink_ms": shrink_ms, "network_ms": total_ms - shrink_ms - restore_ms, "restore_ms": restore_ms}


def peer_at(height: int, width: int, *, threads: int) -> Callable[[], object]:
    """Return what runs a network of AOD-Net's shape at full resolution, on OpenVINO in fp32."""
    import openvino as ov
    from aodnet_class import build_aodnet_class

    from dfs_core.runtime.openvino import shared_core

    core = shared_core()
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": ov.Type.f32,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
    }
    model = build_aodnet_class(height, width)
    request = core.compile_model(core.read_model(model.SerializeToString()), "CPU", options).create_infer_request()
    request.get_input_tensor().data[:] = np.moveaxis(picture(height, width), 2, 0)[None] / np.float32(255.0)
    return request.infer


def time_beside(
    dehazer: Dehazer, other: Callable[[], object], height: int, width: int, *, repeats: int
) -> dict[str, float]:
    """Return median milliseconds of our image and mask, and of something else that runs in turn, at the same pace."""
    frames = picture(height, width)[None]
    durations = [[duration_ms(lambda: dehazer(frames)), duration_ms(other)] for _ in range(max(3, repeats) + 1)][1:]
    ours, others = (statistics.median(column) for column in zip(*durations, strict=True))
    return {"ms": ours, "other_ms": others, "ratio": others / ours}


def picture(height: int, width: int) -> Frames:
    """Return a picture with soft shapes and noise, uint8 [H, W, 3]."""
    random = np.random.default_rng(0)
    rows, columns = np.linspace(0, 3, height)[:, None, None], np.linspace(0, 5, width)[None, :, None]
    soft = 150 + 60 * np.sin(rows + columns + np.array([0.0, 1.0, 2.0]))
    frame: Frames = np.clip(soft + random.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)
    return frame


def median_ms(work: Callable[[], object], *, repeats: int) -> float:
    """Return the median duration in milliseconds, after two runs that do not count."""
    return statistics.median([duration_ms(work) for _ in range(repeats + 2)][2:])


def duration_ms(work: Callable[[], object]) -> float:
    """Return how many milliseconds one run takes."""
    start = time.perf_counter()
    work()
    return 1000.0 * (time.perf_counter() - start)


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    title = "{model} on {backend} in {precision}, {threads} threads on {processors} processors".format(**figures)
    table = Table(title=f"{title}; median ms a frame for both image and mask, or one")
    columns = ("frames/s", "both", "image", "mask", "shrink", "network", "restore")
    for column in ("size", *columns):
        table.add_column(column, justify="right", no_wrap=True)
    for height, width in SIZES:
        size = figures[f"{width}x{height}"]
        steps = size.get("steps", {})
        values = [size[key] for key in ("fps", "ms", "image_only_ms", "mask_only_ms")]
        values += [steps.get(key) for key in ("shrink_ms", "network_ms", "restore_ms")]
        table.add_row(f"{width}x{height}", *("-" if value is None else f"{value:.1f}" for value in values))
    console = Console()
    console.print(table)
    console.print(f"four times the pixels (960x540 to 1920x1080) cost {figures['growth_4x']:.2f} times as much")
    for height, width in SIZES:
        size = f"{width}x{height}"
        for key, name in (("peer", "a network of AOD-Net's shape, image only,"), ("against", figures.get("against"))):
            if key in figures[size]:
                line = "in turn at {size}: ours {ms:.1f} ms, {name} {other_ms:.1f} ms, {ratio:.2f} times as long"
                console.print(line.format(size=size, name=name, **figures[size][key]))


if __name__ == "__main__":
    typer.run(main)
