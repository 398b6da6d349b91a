"""How fast a model can run on GPUs that are not here: its multiplications and bytes against their peaks, on paper.

    python benchmarks/roofline.py [--size 1920x1080] [--json FILE]

Two figures a GPU, between which a real one should lie. At best: every elementwise step is fused with its neighbours,
and arithmetic and memory run at their peaks. With no fusion: every step reads its inputs from memory, writes its
outputs, and takes `KERNEL_S` beside. Both add the copies over the bus, which our backend does before and after.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import onnxruntime as ort
import typer
from onnx import TensorProto, helper
from rich.console import Console
from rich.table import Table

from dfs_core.artifact import DEHAZED, FRAMES, MASK
from dfs_core.engines.profile import parse_size
from dfs_core.evaluation.onnx_cost import macs
from dfs_core.runtime.loading import SHIPPED_MODEL, model_file

KERNEL_S = 3e-6
"""Assumed, not measured: the least that a small kernel takes in a CUDA graph."""

COMPUTE = ("AveragePool", "Conv", "Gemm", "MatMul", "Resize")
"""What is not fused with what is before it."""

BYTES = {"fp16": 2, "int8": 1}
"""Of an activation or weight of a network; at the frame's own size numbers are float32, as the files have them."""


@dataclass(frozen=True)
class Gpu:
    """Peaks: multiply-accumulates a second, dense, and bytes a second."""

    name: str
    fp16: float
    int8: float
    memory: float
    bus: float
    """One way; that of memory where the GPU has none of its own: a copy then is one read and one write."""


GPUS = (
    Gpu("RTX 4090", fp16=165.2e12 / 2, int8=660.6e12 / 2, memory=1008e9, bus=31.5e9),
    Gpu("L4", fp16=121e12 / 2, int8=242e12 / 2, memory=300e9, bus=31.5e9),
    Gpu("AGX Orin 64 GB", fp16=42.5e12 / 2, int8=85e12 / 2, memory=204.8e9, bus=204.8e9 / 2),
)
"""Where these are from: docs/gpu.md."""


@dataclass(frozen=True)
class Work:
    """What one frame costs.

    Attributes:
        macs: multiply-accumulates of convolutions and matrix products.
        kernels: steps that compute.
        fused: bytes through memory when all that can be fused is, by number format.
        unfused: when nothing is.
        bus: bytes to the GPU and back.
    """

    macs: int
    kernels: int
    fused: dict[str, int]
    unfused: dict[str, int]
    bus: int


def main(
    model: Annotated[str, typer.Option(help="Model file in fp32, or the name of one that ships.")] = str(SHIPPED_MODEL),
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Of the frames.")] = "1920x1080",
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Print what a frame costs, and what rate follows on each GPU."""
    height, width = parse_size(size)
    work = cost(model_file(model), (1, height, width, 3))
    rates = {gpu.name: {precision: bounds(gpu, work, precision) for precision in BYTES} for gpu in GPUS}
    show(work, rates, size)
    if json_file is not None:
        json_file.write_text(json.dumps({"size": size, "work": asdict(work), "gpus": rates}, indent=2) + "\n")


def cost(path: Path, shape: tuple[int, int, int, int]) -> Work:
    """Return what a frame of this shape costs, with the shapes that its tensors have in a run."""
    frames = np.zeros(shape, np.uint8)
    model = onnx.load(path)
    multiplications = macs(model, {FRAMES: frames}, source=path)
    if multiplications is None:
        raise typer.BadParameter(f"{path}: only files in fp32 can be counted")
    shapes, kinds = run_shapes(model, frames)
    steps = [node for node in model.graph.node if any(kinds[name] != TensorProto.INT64 for name in node.output)]
    steps = [node for node in steps if node.op_type != "Constant"]
    frame, whole = prod(shape), prod(shape[1:3])

    def size(name: str, precision: str) -> int:
        sides = shapes.get(name, ())
        if kinds.get(name) == TensorProto.INT64:
            return 0
        if kinds.get(name) == TensorProto.UINT8:
            return prod(sides)
        return prod(sides) * (4 if prod(sides[-2:]) == whole or prod(sides[1:3]) == whole else BYTES[precision])

    def fused(precision: str) -> Iterator[int]:
        for node in steps:
            if node.op_type not in COMPUTE or prod(shapes[node.output[0]][-2:]) == whole:
                continue
            for name in (*node.input, *node.output):
                yield frame if prod(shapes.get(name, ())[-2:]) == whole else size(name, precision)
        yield 2 * frame + prod(shapes["restoration"]) * BYTES[precision]  # the last pass: frame, gains, dehazed frame

    return Work(
        macs=multiplications,
        kernels=len(steps),
        fused={precision: sum(fused(precision)) for precision in BYTES},
        unfused={
            precision: sum(size(name, precision) for node in steps for name in (*node.input, *node.output))
            for precision in BYTES
        },
        bus=frame + prod(shapes[DEHAZED]) + prod(shapes[MASK]) + 4,
    )


def run_shapes(model: onnx.ModelProto, frames: Any) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    """Return the shape of every tensor in one run, and its type."""
    inferred = onnx.shape_inference.infer_shapes(model)
    values = (*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output)
    kinds = {value.name: value.type.tensor_type.elem_type for value in values}
    kinds |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    names = [name for node in model.graph.node for name in node.output if name]
    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    probed.graph.node.extend(helper.make_node("Shape", [name], [f"shape of {name}"]) for name in names)
    del probed.graph.output[:]
    probed.graph.output.extend(
        helper.make_tensor_value_info(f"shape of {name}", TensorProto.INT64, None) for name in names
    )
    session = ort.InferenceSession(probed.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {FRAMES: frames})
    shapes = {name: tuple(map(int, sides)) for name, sides in zip(names, found, strict=True)}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    return shapes | {FRAMES: frames.shape}, kinds


def bounds(gpu: Gpu, work: Work, precision: str) -> dict[str, float]:
    """Return milliseconds of each part and frames per second, at best and with no fusion."""
    compute = work.macs / getattr(gpu, precision)
    fused, unfused = work.fused[precision] / gpu.memory, work.unfused[precision] / gpu.memory
    bus = work.bus / gpu.bus
    return {
        "compute_ms": 1e3 * compute,
        "fused_ms": 1e3 * fused,
        "unfused_ms": 1e3 * unfused,
        "bus_ms": 1e3 * bus,
        "best_fps": 1.0 / (bus + max(compute, fused)),
        "unfused_fps": 1.0 / (bus + max(compute, unfused) + KERNEL_S * work.kernels),
    }


def show(work: Work, rates: dict[str, dict[str, dict[str, float]]], size: str) -> None:
    """Print it all as tables."""
    console = Console()
    console.print(
        f"a frame of {size}: {work.macs / 1e9:.2f} GMACs in {work.kernels} steps, {work.bus / 1e6:.1f} MB over the bus",
        highlight=False,
    )
    for precision in BYTES:
        console.print(
            f"through memory in {precision}: {work.fused[precision] / 1e6:.0f} MB fused, "
            f"{work.unfused[precision] / 1e6:.0f} MB unfused",
            highlight=False,
        )
    table = Table("GPU", "", "compute ms", "memory ms, fused", "unfused", "bus ms", "frames/s, no fusion", "at best")
    for name, formats in rates.items():
        for precision, found in formats.items():
            times = (found[key] for key in ("compute_ms", "fused_ms", "unfused_ms", "bus_ms"))
            fps = (found["unfused_fps"], found["best_fps"])
            table.add_row(name, precision, *(f"{value:.3f}" for value in times), *(f"{value:.0f}" for value in fps))
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
