"""All that is to be known of a machine with an NVIDIA GPU, in one go: does it give the right frames, and how fast.

    python benchmarks/gpu.py [--json FILE]

Builds an engine for each size of frames, holds it to ONNX Runtime on the processor, then times it: one camera with and
without copies, batches of cameras, loading, memory. Where there is no GPU it builds engines ahead of time all the same,
by TensorRT for RTX, says that it cannot run them, and ends with exit code 1; so it does when a frame is not what ONNX
Runtime makes of it, or when something fails. What was measured until then is kept.
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
from rich.markup import escape
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
from dfs_core.export.parity import relative_difference
from dfs_core.runtime import Dehazer, load
from dfs_core.runtime.cuda_driver import CudaDevice
from dfs_core.runtime.dehazer import Frames, Result
from dfs_core.runtime.loading import SHIPPED_MODEL, model_file
from dfs_core.runtime.probes import missing_cuda_device
from dfs_core.runtime.tensorrt import TensorRtDehazer

Size = tuple[int, int]

ODD_SIZE = (487, 853)
"""One that no stride divides, for parity."""

PARITY = {"fp32": (1, 0.999, 0.001), "fp16": (4, 0.99, 0.02), "int8": (8, 0.97, 0.05)}
"""By number format, how far a byte of a frame may be off, which share of labels must be equal, and by which share of it
the fog density may be off."""

UNTIMED = 5
"""Runs before those that count."""


class Plan(NamedTuple):
    """What is measured."""

    model: ModelFile
    sizes: tuple[Size, ...]
    batches: tuple[int, ...]
    repeats: int

    def profile(self, size: Size) -> Profile:
        """Return what the engine of a size must take; it is fastest at one frame of it."""
        height, width = (max(side) for side in zip(size, ODD_SIZE, strict=True))
        return choose_profile(self.model.sides, usual=(1, *size), largest=(max(self.batches), height, width))


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
            tuple(sorted({parse_size(size) for size in sizes.split(",")})),
            parse_batches(batches),
            repeats,
        )
        figures["model"] = {"file": plan.model.path.name, "precision": plan.model.precision}
        measure(plan, figures, parse_targets(target) if target else ())
    except DfsError as error:
        figures["error"] = str(error)
    except BaseException as error:
        figures["error"] = repr(error)
        raise
    finally:
        if json_file is not None:
            json_file.write_text(json.dumps(figures, indent=2) + "\n")
        show(figures, console)
    if "error" in figures:
        console.print(f"[bold red]not measured:[/] {escape(figures['error'])}", soft_wrap=True, highlight=False)
        raise typer.Exit(1)


def parse_batches(words: str) -> tuple[int, ...]:
    """Return how many frames go into a call, in order and each once, of a list such as "1,2,4".

    Raises:
        BackendError: it is not such a list.
    """
    counts = [int(word) if word.strip().isdecimal() else 0 for word in words.split(",")]
    if 0 in counts:
        raise BackendError(f"batches are whole numbers of frames from 1 on, such as 1,2,4, not '{words}'")
    return tuple(sorted(set(counts)))


def measure(plan: Plan, figures: dict[str, Any], targets: tuple[tuple[int, int], ...]) -> None:
    """Add all figures to what there is, each as it comes, so that none is lost by a later failure.

    Raises:
        BackendError: there is no GPU, something failed, or frames are wrong; what could be measured is there.
    """
    no_gpu = missing_cuda_device()
    gpu = None if no_gpu else describe_gpu(figures)
    sizes = figures["sizes"] = {f"{width}x{height}": {} for height, width in plan.sizes}
    failures = []
    for size, (name, found) in zip(plan.sizes, sizes.items(), strict=True):
        # A folder of its own, so that no other engine is taken, and the time of building is told.
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_CACHE_HOME"] = folder
            try:
                found["engine"] = make_engine(plan, size, gpu, targets)
                if gpu is not None:
                    measure_size(plan, size, found, figures["memory"]["free_mb"])
            except DfsError as error:
                found["error"] = str(error)
                failures.append(f"{name}: {error}")
        if wrong := [frames for frames, line in found.get("parity", {}).items() if not line["right"]]:
            failures.append(f"{name}: frames of {', '.join(wrong)} are not what ONNX Runtime makes of them")
    if gpu is not None:
        figures["onnxruntime-cuda"] = {}
        time_onnxruntime(plan, figures["onnxruntime-cuda"])
    elif not failures:
        failures = [f"the engines are built, but cannot be run: {no_gpu}"]
    if failures:
        raise BackendError("; ".join(failures))


def measure_size(plan: Plan, size: Size, found: dict[str, Any], free_mb: float) -> None:
    """Add all figures of a size to those of its engine, each as it comes.

    Raises:
        BackendError: something failed, such as that the GPU has too little memory.
    """
    start = time.perf_counter()
    with load(plan.model.path, "tensorrt") as dehazer:
        assert isinstance(dehazer, TensorRtDehazer)  # noqa: S101 (for mypy)
        found["load_s"] = time.perf_counter() - start
        found["loaded_mb"] = free_mb - dehazer.free_memory() / 1e6
        found["parity"] = {}
        with whole_graph(plan.model.path) as reference:
            for height, width in dict.fromkeys((size, ODD_SIZE)):
                for count in sorted({1, min(2, max(plan.batches))}):
                    line = parity(dehazer, reference, (count, height, width))
                    right = is_right(line, plan.model.precision)
                    found["parity"][f"{count}x{width}x{height}"] = {**line, "right": right}
        time_size(dehazer, plan, size, found)
        found["measured_mb"] = free_mb - dehazer.free_memory() / 1e6


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


def make_engine(plan: Plan, size: Size, gpu: Gpu | None, targets: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    """Build the engine of a size into the cache; return by what, for what, how long it took and how large it is."""
    tensorrt = import_tensorrt(TENSORRT_RTX if gpu is None and is_installed(TENSORRT_RTX) else None)
    target: Target = choose_target(tensorrt, gpu, () if gpu else targets, no_gpu=missing_cuda_device() or "")
    profile = plan.profile(size)
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
        "density_error": relative_difference(found.fog_density, expected.fog_density),
    }


def is_right(found: dict[str, float], precision: str) -> bool:
    """Return whether frames are as near as their number format allows."""
    most, least, density = PARITY[precision]
    return found["max_difference"] <= most and found["equal_labels"] >= least and found["density_error"] <= density


def time_size(dehazer: TensorRtDehazer, plan: Plan, size: Size, figures: dict[str, Any]) -> None:
    """Add latency of one frame, with copies and without, and frames per second by batch."""
    one = pictures((1, *size))
    figures["ms"] = percentiles(timed(lambda: dehazer(one), plan.repeats))
    figures["mask_only_ms"] = percentiles(timed(lambda: dehazer(one, dehaze=False), plan.repeats))
    alone = [dehazer.time_network(1, *size) for _ in range(plan.repeats + UNTIMED)][UNTIMED:]
    figures["network_ms"] = percentiles(alone)
    figures["fps"], figures["network_fps"] = {}, {}
    for batch in plan.batches:
        frames = pictures((batch, *size))
        repeats = max(3, plan.repeats // batch)
        seconds = timed(lambda frames=frames: dehazer(frames), repeats)  # type: ignore[misc]
        alone = [dehazer.time_network(batch, *size) for _ in range(repeats + UNTIMED)][UNTIMED:]
        figures["fps"][str(batch)] = batch * repeats / sum(seconds)
        figures["network_fps"][str(batch)] = batch * repeats / sum(alone)


def whole_graph(path: Path) -> Dehazer:
    """Return ONNX Runtime on the file as it is, from frames to frames, as TensorRT has it."""
    from dfs_core.runtime.onnxruntime import OnnxRuntimeDehazer

    return OnnxRuntimeDehazer(path, artifact.read(path), precision="fp32", threads=None, whole=True)


def time_onnxruntime(plan: Plan, figures: dict[str, Any]) -> None:
    """Add the latency of ONNX Runtime's CUDA provider by size, or why there is none."""
    try:
        with load(plan.model.path, "onnxruntime-cuda") as dehazer:
            for height, width in plan.sizes:
                frames = pictures((1, height, width))
                seconds = timed(lambda frames=frames: dehazer(frames), plan.repeats)  # type: ignore[misc]
                figures[f"{width}x{height}"] = percentiles(seconds)
    except BackendError as error:
        figures["error"] = str(error)


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
    sizes = figures.get("sizes", {})
    parts = {name: figures.get(name, {}) for name in ("model", "gpu", "memory")}
    for name, found in sizes.items():
        parts |= {f"{name} engine": found.get("engine", {}), name: found}
    for name, lines in parts.items():
        for key, value in lines.items():
            if not isinstance(value, dict):
                console.print(f"{name} {key}: {told(value, 1)}", highlight=False, markup=False)
    if any(found.get("parity") for found in sizes.values()):
        table = Table("engine", "frames", "largest difference", "mean", "equal labels", "density off by", "")
        table.title = "against ONNX Runtime"
        for name, found in sizes.items():
            for frames, line in found.get("parity", {}).items():
                shares = told(line["mean_difference"], 3), told(line["equal_labels"], 5), f"{line['density_error']:.1e}"
                table.add_row(name, frames, str(line["max_difference"]), *shares, "" if line["right"] else "wrong")
        console.print(table)
    if any("ms" in found for found in sizes.values()):
        table = Table("size", "p50 ms", "p95 ms", "mask only", "network", "p95", "frames/s by batch (network alone)")
        table.title = "engines are fastest at one frame; one built with --batch may do better in batches"
        for name, found in sizes.items():
            keys = (("ms", "p50"), ("ms", "p95"), ("mask_only_ms", "p50"), ("network_ms", "p50"), ("network_ms", "p95"))
            times = [told(found.get(kind, {}).get(point)) for kind, point in keys]
            alone = found.get("network_fps", {})
            rates = [f"{n}: {told(fps, 0)} ({told(alone.get(n), 0)})" for n, fps in found.get("fps", {}).items()]
            table.add_row(name, *times, "  ".join(rates))
        console.print(table)


def told(value: float | str | None, digits: int = 2) -> str:
    """Return a figure for people, a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    typer.run(main)
