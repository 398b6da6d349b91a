"""How long a model takes on this machine, step by step, beside a peer that works at full resolution."""

import json
import statistics
import time
from collections.abc import Callable
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
PEER_SIZE = (1080, 1920)


def main(
    model: Annotated[Path | None, typer.Option(help="Model file; the one that ships if not given.")] = None,
    backend: Annotated[str, typer.Option(help="Backend, or auto for the best that this machine has.")] = "auto",
    precision: Annotated[str, typer.Option(help="fp32, or auto for the fastest format.")] = "fp32",
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    repeats: Annotated[int, typer.Option(min=3, help="Timed runs of each size; their median counts.")] = 25,
    peer: Annotated[bool, typer.Option(help="Also time a network of AOD-Net's shape.")] = True,
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
    small_ms, large_ms = figures["960x540"]["ms"], figures["1920x1080"]["ms"]
    figures["growth_4x"] = large_ms / small_ms
    if peer:
        figures["aodnet_class_ms"] = time_peer(threads=threads, repeats=max(3, repeats // 3))
        figures["ratio_to_aodnet_class"] = large_ms / figures["aodnet_class_ms"]
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


def time_peer(*, threads: int, repeats: int) -> float:
    """Return milliseconds that a network of AOD-Net's shape takes at full resolution, on OpenVINO in fp32."""
    import openvino as ov
    from aodnet_class import build_aodnet_class

    from dfs_core.runtime.openvino import shared_core

    core = shared_core()
    height, width = PEER_SIZE
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": ov.Type.f32,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
    }
    model = build_aodnet_class(height, width)
    request = core.compile_model(core.read_model(model.SerializeToString()), "CPU", options).create_infer_request()
    request.get_input_tensor().data[:] = np.moveaxis(picture(height, width), 2, 0)[None] / np.float32(255.0)
    return median_ms(request.infer, repeats=repeats)


def picture(height: int, width: int) -> Frames:
    """Return a picture with soft shapes and noise, uint8 [H, W, 3]."""
    random = np.random.default_rng(0)
    rows, columns = np.linspace(0, 3, height)[:, None, None], np.linspace(0, 5, width)[None, :, None]
    soft = 150 + 60 * np.sin(rows + columns + np.array([0.0, 1.0, 2.0]))
    frame: Frames = np.clip(soft + random.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)
    return frame


def median_ms(work: Callable[[], object], *, repeats: int) -> float:
    """Return the median duration in milliseconds, after two runs that do not count."""
    durations = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        work()
        durations.append(1000.0 * (time.perf_counter() - start))
    return statistics.median(durations[2:])


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
    if "aodnet_class_ms" in figures:
        console.print(
            f"a network of AOD-Net's shape, image only, takes {figures['aodnet_class_ms']:.0f} ms at 1920x1080 "
            f"on OpenVINO in fp32: ours takes {figures['ratio_to_aodnet_class']:.2f} of that"
        )


if __name__ == "__main__":
    typer.run(main)
