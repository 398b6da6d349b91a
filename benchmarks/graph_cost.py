"""What lies before and after the networks, as a share of a model's time on a processor, by the backends' own profilers.

Four ways of running one file are profiled: ONNX Runtime and OpenVINO on the whole graph, and both as `load` runs them,
where the graph is cut and our kernels shrink and restore the frames. Of each operator the shortest time counts:
what is more was spent waiting for other programs.
"""

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import onnx
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from runtime import picture

from dfs_core.artifact import FOG_DENSITY, FRAMES, MASK, RESTORATION
from dfs_core.onnx_frame import NETWORK
from dfs_core.runtime import load
from dfs_core.runtime.frame_kernels import FrameKernels
from dfs_core.runtime.loading import SHIPPED_MODEL

FRAME = "frame."
"""What is put before the names of nodes outside of the networks, so that profilers tell them apart."""

WIDEST = 25.0
"""Percent of the time that they may take."""

Operators = dict[tuple[str, str], float]
"""Milliseconds by name and kind of each operator."""


def main(
    model: Annotated[Path, typer.Option(help="Model file.")] = SHIPPED_MODEL,
    height: Annotated[int, typer.Option(min=1, help="Of the frame.")] = 1080,
    width: Annotated[int, typer.Option(min=1, help="Of the frame.")] = 1920,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 1,
    repeats: Annotated[int, typer.Option(min=3, help="Timed frames of each way.")] = 15,
    rows: Annotated[int, typer.Option(min=1, help="Operators to print of each way, the longest first.")] = 16,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Profile one frame of a model, and print the operators and the share of those that are no part of the networks."""
    frames = picture(height, width)[None]
    with tempfile.TemporaryDirectory() as folder:
        named = name_frame_nodes(model, Path(folder))
        ways = {
            "onnxruntime, whole graph": profile_onnxruntime(named, frames, threads, repeats),
            "openvino, whole graph": profile_openvino(named, frames, threads, repeats),
            "onnxruntime, as it is run": time_cut(model, "onnxruntime", frames, threads, repeats),
            "openvino, as it is run": time_cut(model, "openvino", frames, threads, repeats),
        }
    figures = {way: summary(operators) for way, operators in ways.items()}
    console = Console()
    for way, operators in ways.items():
        console.print(table_of(way, operators, rows))
        console.print("{share:.1f} % of {total_ms:.1f} ms are outside of the networks".format(**figures[way]))
    console.print(f"at most {WIDEST:g} % is wanted; {width}x{height}, {threads} threads")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


def name_frame_nodes(path: Path, folder: Path) -> Path:
    """Write a model file whose nodes outside of the networks have names that say so; return where."""
    model = onnx.load(path)
    outside = [node for node in model.graph.node if not _is_of_networks(node)]
    renamed = {name: FRAME + name for node in outside for name in node.output}
    for node in outside:
        node.name = FRAME + node.output[0]
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                names[index] = renamed.get(name, name)
    for value in model.graph.output:
        value.name = renamed.get(value.name, value.name)
    del model.graph.value_info[:]
    onnx.save(model, folder / path.name)
    return folder / path.name


def _is_of_networks(node: onnx.NodeProto) -> bool:
    return any(name.startswith(NETWORK) or name in {RESTORATION, MASK, FOG_DENSITY} for name in node.output)


def profile_onnxruntime(path: Path, frames: np.ndarray, threads: int, repeats: int) -> Operators:
    """Return what each operator takes in ONNX Runtime."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.enable_profiling = True
    options.profile_file_prefix = str(path.parent / "profile")
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for _ in range(repeats + 1):
        session.run(None, {FRAMES: frames})
    spent: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in json.loads(Path(session.end_profiling()).read_text()):
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            spent[event["name"].removesuffix("_kernel_time"), event["args"]["op_name"]].append(event["dur"] / 1000)
    return {operator: min(durations) for operator, durations in spent.items()}


def profile_openvino(path: Path, frames: np.ndarray, threads: int, repeats: int) -> Operators:
    """Return what each operator takes in OpenVINO when it runs the whole graph."""
    import openvino as ov

    from dfs_core.runtime.openvino import shared_core

    core = shared_core()
    network = core.read_model(path)
    network.reshape(list(frames.shape))
    options = {
        "PERF_COUNT": True,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": ov.Type.f32,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
    }
    compiled = core.compile_model(network, "CPU", options)
    made_of = {node.get_friendly_name(): _made_of(node) for node in compiled.get_runtime_model().get_ops()}
    request = compiled.create_infer_request()
    request.get_input_tensor().data[:] = frames
    spent: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(repeats + 1):
        request.infer()
        for node in request.get_profiling_info():
            name = made_of.get(node.node_name) or node.node_name
            spent[name, f"{node.node_type} {node.node_name}"].append(1000 * node.real_time.total_seconds())
    return {operator: min(durations) for operator, durations in spent.items()}


def _made_of(node: object) -> str:
    """Return the names that an operator of OpenVINO had in the file; it joins some and calls others anew."""
    info = node.get_rt_info()  # type: ignore[attr-defined]
    return str(info["originalLayersNames"].value) if "originalLayersNames" in info else ""


def time_cut(path: Path, backend: str, frames: np.ndarray, threads: int, repeats: int) -> Operators:
    """Return what our kernels take around a backend, and what is left of the time: the networks."""
    with load(path, backend, threads=threads) as dehazer:
        kernels = FrameKernels(threads)
        low_height, low_width = dehazer.artifact.network_size(*frames.shape[1:3])
        low_resolution = np.empty((1, 3, low_height, low_width), np.float32)
        restoration = np.ones((1, 4, low_height, low_width), np.float32)
        dehazed = np.empty_like(frames)
        steps: dict[str, Callable[[], object]] = {
            "all": lambda: dehazer(frames),
            "shrink": lambda: kernels.shrink(frames, low_resolution),
            "restore": lambda: kernels.restore(frames, restoration, dehazed),
        }
        spent: dict[str, list[float]] = defaultdict(list)
        for _ in range(repeats + 1):  # in turn, so that a busy machine is as unfair to all
            for step, run in steps.items():
                start = time.process_time()
                run()
                spent[step].append(1000 * (time.process_time() - start))
    total, shrink, restore = (min(spent[step]) for step in steps)
    return {
        (f"{FRAME}shrink", "kernel"): shrink,
        (f"{FRAME}restore", "kernel"): restore,
        ("networks", backend): total - shrink - restore,
    }


def summary(operators: Operators) -> dict[str, float]:
    """Return the whole time, and how much of it is spent outside of the networks."""
    total = sum(operators.values())
    around = sum(spent for (name, _), spent in operators.items() if FRAME in name)
    return {"total_ms": total, "around_ms": around, "share": 100 * around / total}


def table_of(way: str, operators: Operators, rows: int) -> Table:
    """Return the operators that take longest, for people."""
    table = Table(title=way, box=SIMPLE)
    for column in ("operator", "kind"):
        table.add_column(column)
    for column in ("ms", "%"):
        table.add_column(column, justify="right")
    total = sum(operators.values())
    for (name, kind), spent in sorted(operators.items(), key=lambda entry: -entry[1])[:rows]:
        table.add_row(name[:60], kind[:40], f"{spent:.2f}", f"{100 * spent / total:.1f}")
    return table


if __name__ == "__main__":
    typer.run(main)
