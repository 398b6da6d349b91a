"""All that is to be known of a machine with an NVIDIA GPU, in one go: does it give the right frames, and how fast.

    python benchmarks/gpu.py [--json FILE]

Builds an engine, holds it to ONNX Runtime on the processor, then times it: one camera with and without copies, batches
of cameras, loading, memory. Where there is no GPU it builds an engine ahead of time all the same, by TensorRT for RTX,
says that it cannot run it, and ends with exit code 1; so it does when a frame is not what ONNX Runtime makes of it.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from dfs_core import artifact
from dfs_core.engines.build import build
from dfs_core.engines.cache import EngineCache
from dfs_core.engines.flavour import TENSORRT_RTX, import_tensorrt, is_installed
from dfs_core.engines.key import EngineKey
from dfs_core.engines.model_file import ModelFile, read_model
from dfs_core.engines.profile import Profile, choose_profile, parse_size
from dfs_core.engines.target import Gpu, Target, choose_target, parse_targets
from dfs_core.errors import BackendError, DfsError
from dfs_core.runtime import Dehazer, load
from dfs_core.runtime.cuda_driver import CudaDevice
from dfs_core.runtime.dehazer import Frames, Result
from dfs_core.runtime.loading import SHIPPED_MODEL, model_file
from dfs_core.runtime.probes import missing_cuda_device
from dfs_core.runtime.tensorrt import TensorRtDehazer

Size = tuple[int, int]

ODD_SIZE = (487, 853)
"""One that no stride divides, for parity."""

PARITY = {"fp32": (1, 0.999), "fp16": (4, 0.99), "int8": (8, 0.97)}
"""By number format, how far a byte of a frame may be off and which share of labels must be equal."""

UNTIMED = 5
"""Runs before those that count."""


class Plan(NamedTuple):
    """What is measured."""

    model: ModelFile
    sizes: tuple[Size, ...]
    batches: tuple[int, ...]
    repeats: int

    def profile(self) -> Profile:
        """Return what the engine must take."""
        largest = (max(self.batches), *(max(side) for side in zip(*self.sizes, ODD_SIZE, strict=True)))
        return choose_profile(self.model.sides, usual=(1, *self.sizes[-1]), largest=largest)


def main(
    model: Annotated[str, typer.Option(help="Model file, or the name of one that ships.")] = str(SHIPPED_MODEL),
    sizes: Annotated[str, typer.Option(metavar="WxH,…", help="Sizes of frames.")] = "960x540,1920x1080,3840x2160",
    batches: Annotated[str, typer.Option(metavar="N,…", help="Frames in one call.")] = "1,2,4,8",
    repeats: Annotated[int, typer.Option(min=3, help="Timed calls of each kind.")] = 200,
    target: Annotated[
        str | None, typer.Option(metavar="SM,…", help="What to build for where there is no GPU; Ampere and later.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Check and time a model on the GPU of this machine."""
    console = Console()
    figures: dict[str, Any] = {}
    try:
        plan = Plan(
            read_model(model_file(model)),
            tuple(sorted(parse_size(size) for size in sizes.split(","))),
            tuple(sorted(int(count) for count in batches.split(","))),
            repeats,
        )
        figures["model"] = {"file": plan.model.path.name, "precision": plan.model.precision}
        # A folder of its own, so that no other engine is taken, and the time of building is told.
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_CACHE_HOME"] = folder
            measure(plan, figures, parse_targets(target) if target else ())
    except (DfsError, ValueError) as error:
        figures["error"] = str(error)
    show(figures, console)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")
    if "error" in figures:
        console.print(f"[bold red]not measured:[/] {figures['error']}", soft_wrap=True, highlight=False)
        raise typer.Exit(1)


def measure(plan: Plan, figures: dict[str, Any], targets: tuple[tuple[int, int], ...]) -> None:
    """Add all figures to what there is, in the order in which they come, so that none is lost by a later failure.

    Raises:
        BackendError: there is no GPU, something failed, or the frames are wrong.
    """
    no_gpu = missing_cuda_device()
    gpu = None if no_gpu else describe_gpu(figures)
    figures["engine"] = make_engine(plan, gpu, targets)
    if no_gpu:
        raise BackendError(f"the engine is built, but cannot be run: {no_gpu}")
    with whole_graph(plan.model.path) as reference:
        start = time.perf_counter()
        with load(plan.model.path, "tensorrt") as dehazer:
            figures["load_s"] = time.perf_counter() - start
            assert isinstance(dehazer, TensorRtDehazer)  # noqa: S101 (for mypy)
            figures["memory"]["loaded_mb"] = figures["memory"]["free_mb"] - dehazer.free_memory() / 1e6
            figures["parity"] = {
                f"{count}x{width}x{height}": parity(dehazer, reference, (count, height, width))
                for height, width in dict.fromkeys((*plan.sizes, ODD_SIZE))
                for count in (1, min(2, max(plan.batches)))
            }
            figures["sizes"] = {
                f"{width}x{height}": time_size(dehazer, plan, (height, width)) for height, width in plan.sizes
            }
            figures["memory"]["all_sizes_mb"] = figures["memory"]["free_mb"] - dehazer.free_memory() / 1e6
    figures["onnxruntime-cuda"] = time_onnxruntime(plan)
    if wrong := [name for name, found in figures["parity"].items() if not right(found, plan.model.precision)]:
        raise BackendError(f"frames of {', '.join(wrong)} are not what ONNX Runtime makes of them")


def describe_gpu(figures: dict[str, Any]) -> Gpu:
    """Return the GPU, and note what it is and how much of its memory is free before anything is loaded."""
    device = CudaDevice()
    try:
        gpu = Gpu(device.name, device.compute_capability)
        figures["gpu"] = {"name": gpu.name, "compute_capability": ".".join(map(str, gpu.compute_capability))}
        figures["memory"] = {"free_mb": device.free_memory() / 1e6}
    finally:
        device.close()
    return gpu


def make_engine(plan: Plan, gpu: Gpu | None, targets: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    """Build the engine into the cache; return by what, for what, how long it took and how large it is."""
    tensorrt = import_tensorrt(TENSORRT_RTX if gpu is None and is_installed(TENSORRT_RTX) else None)
    target: Target = choose_target(tensorrt, gpu, () if gpu else targets, no_gpu=missing_cuda_device() or "")
    profile = plan.profile()
    start = time.perf_counter()
    engine = EngineCache().get(
        EngineKey.of(plan.model, tensorrt, target, profile),
        lambda: build(plan.model, profile, target, tensorrt=tensorrt),
        model=plan.model.path.name,
    )
    return {
        "made_by": f"{tensorrt.__name__} {tensorrt.__version__}",
        "target": str(target),
        "frames": str(profile),
        "build_s": time.perf_counter() - start,
        "mb": len(engine) / 1e6,
    }


def parity(dehazer: Dehazer, reference: Dehazer, shape: tuple[int, int, int]) -> dict[str, float]:
    """Return how far the frames of a shape are from those that ONNX Runtime makes."""
    frames = pictures(shape)
    found, expected = dehazer(frames), reference(frames)
    difference = np.abs(frame_of(found).astype(np.int16) - frame_of(expected))
    return {
        "max_difference": int(difference.max()),
        "mean_difference": float(difference.mean()),
        "equal_labels": float(np.mean(found.mask == expected.mask)),
        "density_error": float(np.max(np.abs(found.fog_density / expected.fog_density - 1.0))),
    }


def right(found: dict[str, float], precision: str) -> bool:
    """Return whether frames are as near as their number format allows."""
    most, least = PARITY[precision]
    return found["max_difference"] <= most and found["equal_labels"] >= least


def time_size(dehazer: TensorRtDehazer, plan: Plan, size: Size) -> dict[str, Any]:
    """Return latency of one frame, with copies and without, and frames per second by batch."""
    one = pictures((1, *size))
    figures: dict[str, Any] = {
        "ms": percentiles(timed(lambda: dehazer(one), plan.repeats)),
        "mask_only_ms": percentiles(timed(lambda: dehazer(one, dehaze=False), plan.repeats)),
        "network_ms": percentiles([dehazer.time_network(1, *size) for _ in range(plan.repeats + UNTIMED)][UNTIMED:]),
        "fps": {},
        "network_fps": {},
    }
    for batch in plan.batches:
        frames = pictures((batch, *size))
        repeats = max(3, plan.repeats // batch)
        seconds = timed(lambda frames=frames: dehazer(frames), repeats)  # type: ignore[misc]
        alone = [dehazer.time_network(batch, *size) for _ in range(repeats + UNTIMED)][UNTIMED:]
        figures["fps"][str(batch)] = batch * repeats / sum(seconds)
        figures["network_fps"][str(batch)] = batch * repeats / sum(alone)
    return figures


def whole_graph(path: Path) -> Dehazer:
    """Return ONNX Runtime on the file as it is, from frames to frames, as TensorRT has it."""
    from dfs_core.runtime.onnxruntime import OnnxRuntimeDehazer

    return OnnxRuntimeDehazer(path, artifact.read(path), precision="fp32", threads=None, whole=True)


def time_onnxruntime(plan: Plan) -> dict[str, Any]:
    """Return the latency of ONNX Runtime's CUDA provider by size, or why there is none."""
    try:
        with load(plan.model.path, "onnxruntime-cuda") as dehazer:
            return {
                f"{width}x{height}": percentiles(timed(call(dehazer, (1, height, width)), plan.repeats))
                for height, width in plan.sizes
            }
    except BackendError as error:
        return {"error": str(error)}


def call(dehazer: Dehazer, shape: tuple[int, int, int]) -> Callable[[], Result]:
    """Return what runs the same frames again and again."""
    frames = pictures(shape)
    return lambda: dehazer(frames)


def timed(work: Callable[[], object], repeats: int) -> list[float]:
    """Return how many seconds each of some calls took, after a few that do not count."""
    seconds = []
    for _ in range(repeats + UNTIMED):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds[UNTIMED:]


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median and the 95th percentile in milliseconds."""
    middle, high = np.percentile(1e3 * np.asarray(seconds), [50, 95])
    return {"p50": float(middle), "p95": float(high)}


def pictures(shape: tuple[int, int, int]) -> Frames:
    """Return frames with soft shapes and noise, each another, uint8 [N, H, W, 3]."""
    count, height, width = shape
    random = np.random.default_rng(0)
    rows, columns = np.linspace(0, 3, height)[:, None, None], np.linspace(0, 5, width)[None, :, None]
    soft = [150 + 60 * np.sin(rows + columns + phase + np.array([0.0, 1.0, 2.0])) for phase in range(count)]
    noise = random.normal(0, 6, (height, width, 3))
    return np.stack([np.clip(picture + noise, 0, 255).astype(np.uint8) for picture in soft])


def frame_of(result: Result) -> Frames:
    """Return the dehazed frames, which were asked for."""
    if result.dehazed is None:
        raise BackendError("gave no dehazed frames")
    return result.dehazed


def show(figures: dict[str, Any], console: Console) -> None:
    """Print the figures that there are as tables."""
    for name in ("model", "gpu", "engine", "memory"):
        for key, value in figures.get(name, {}).items():
            console.print(f"{name} {key}: {f'{value:.1f}' if isinstance(value, float) else value}", highlight=False)
    if "load_s" in figures:
        console.print(f"engine loaded and run once in {figures['load_s']:.2f} s", highlight=False)
    if "parity" in figures:
        table = Table(
            "frames", "largest difference", "mean", "equal labels", "density off by", title="against ONNX Runtime"
        )
        for name, found in figures["parity"].items():
            table.add_row(
                name,
                str(found["max_difference"]),
                f"{found['mean_difference']:.3f}",
                f"{found['equal_labels']:.5f}",
                f"{found['density_error']:.1e}",
            )
        console.print(table)
    if "sizes" in figures:
        table = Table("size", "p50 ms", "p95 ms", "mask only", "network", "p95", "frames/s by batch (network alone)")
        for name, size in figures["sizes"].items():
            rates = "  ".join(f"{n}: {fps:.0f} ({size['network_fps'][n]:.0f})" for n, fps in size["fps"].items())
            times = (size["ms"]["p50"], size["ms"]["p95"], size["mask_only_ms"]["p50"])
            network = (size["network_ms"]["p50"], size["network_ms"]["p95"])
            table.add_row(name, *(f"{value:.2f}" for value in (*times, *network)), rates)
        console.print(table)


if __name__ == "__main__":
    typer.run(main)
