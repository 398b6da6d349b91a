"""`dfs quantize`: a model file in whole numbers, compared with the one it was made from before it is written."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dfs_core.artifact import Artifact
    from dfs_core.quantization.frames import Image
    from dfs_core.quantization.loss import Row


class Target(str, Enum):
    """What a quantised file is made for."""

    CPU = "cpu"
    TENSORRT = "tensorrt"


_ENDINGS = {Target.CPU: "_int8", Target.TENSORRT: "_int8_tensorrt"}
"""What the name of a file ends with that has none of its own."""

BACKENDS = {Target.CPU: ("openvino", "onnxruntime"), Target.TENSORRT: ("onnxruntime",)}
"""Those that a file is compared on; ONNX Runtime computes what is made for TensorRT, too, on machines without a GPU."""


def quantize(
    model: Annotated[Path, typer.Argument(help="The DFS model file, in fp32.")],
    calibration: Annotated[
        str,
        typer.Option(
            metavar="FOLDER",
            help="What the network is shown: a folder of pictures as the camera takes them, foggy and clear; or a "
            "dataset as `dfs evaluate` takes it (LAYOUT:FOLDER where it is not known by what is in it), whose training "
            "split is put into random fog; 'scenes' draws some.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The ONNX file to write; by default MODEL_int8.onnx, for TensorRT MODEL_int8_tensorrt.onnx.",
        ),
    ] = None,
    target: Annotated[
        Target, typer.Option(help="What it shall run on: processors, or a GPU with TensorRT.")
    ] = Target.CPU,
    frames: Annotated[
        int,
        typer.Option(min=4, metavar="N", help="How many frames at most; a fourth of them is only compared afterwards."),
    ] = 128,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Also compare with the truth: PSNR to clear frames and mIoU, on the split 'val' of a dataset as "
            "`dfs evaluate` takes it.",
        ),
    ] = None,
    scenes: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many scenes of --data, each in all fogs; 0 takes all.")
    ] = 12,
    max_loss: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="What may be lost. Repeatable: frames=40 (dB between the dehazed frames of both files, at least), "
            "labels=3 (% of labels that change, at most), density=5 (% of the fog density), and with --data psnr=0.2 "
            "(dB to the clear frames), miou=1 (points). These are the defaults.",
        ),
    ] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Also write the comparison here.")] = None,
) -> None:
    """Write a model file whose convolutions compute in 8 bits: 0.4 of the size, 0.8 of the time on processors.

    On a processor that multiplies bfloat16 in hardware (AMX) it gains nothing but size: the float file with precision
    "auto" is as fast there, and nearer to fp32. TensorRT takes another kind of file: give `--target tensorrt`, then
    `dfs build-engine`. See docs/quantization.md.

    The file is compared with the one that it is made from, on frames that it was not calibrated on, and is not written
    if it loses too much.
    """
    import onnx
    from rich.console import Console

    from dfs_core import artifact
    from dfs_core.errors import ArtifactError, OutputError
    from dfs_core.quantization import cpu, network, report, tensorrt
    from dfs_core.quantization.frames import calibrated, checked, open_frames
    from dfs_core.quantization.loss import parse_bounds
    from dfs_core.runtime.loading import unusable
    from dfs_core.whole_output import require_place, whole_output

    makers = {Target.CPU: cpu.quantize, Target.TENSORRT: tensorrt.quantize}
    bounds = parse_bounds(max_loss or ())
    description = artifact.read(model)
    if description.precision != "fp32":
        raise ArtifactError(
            f"{model}: is in {description.precision} already; give the file in fp32 that it was made from"
        )
    if description.draws:
        raise ArtifactError(
            f"{model}: its generator draws the dehazed image itself, and what is lost by that in 8 bits is seen in "
            "every pixel; export it with --precision fp16, or a generator such as 'fast'"
        )
    out = out or model.with_name(f"{model.stem}{_ENDINGS[target]}.onnx")
    if out.exists() and out.samefile(model):
        raise OutputError(f"{out}: is the file that is to be quantised; name another one with --out")
    for path in filter(None, (out, json_)):
        require_place(path)
    source = open_frames(calibration, labels=description.labels, limit=frames)
    whole = onnx.load(model)
    networks = network.take_out(whole, source=model)
    with _progress("calibrating", len(calibrated(source))) as advance:
        inputs = _shrunk(description, (source[index] for index in calibrated(source)), advance)
        networks = makers[target](networks, inputs, source=model)
    description = replace(description, name=f"{description.name}_int8", precision="int8", quantized_for=target.value)
    whole = network.put_back(whole, networks, description)
    with whole_output(out, overwrite=True) as partial:
        onnx.save(whole, partial)
        backends = [name for name in BACKENDS[target] if unusable(name) is None]
        rows = _compare(model, partial, [source[index] for index in checked(source)], backends)
        if data is not None:
            rows += _compare_with_truth(model, partial, data, scenes, description, backends[0])
        report.show(rows, bounds, Console(), title=f"{out.name} beside {model.name}")
        report.refuse_loss(rows, bounds, out)
        description = replace(description, metrics={**description.metrics, **report.metrics(rows)})
        onnx.helper.set_model_props(whole, description.to_metadata())
        onnx.save(whole, partial)
    if json_ is not None:
        with whole_output(json_, overwrite=True) as partial:
            report.write_json(rows, partial)
    typer.echo(
        f"{out}: {out.stat().st_size / 1e6:.2f} MB instead of {model.stat().st_size / 1e6:.2f}, calibrated on "
        f"{len(calibrated(source))} frames"
    )


def _shrunk(
    description: "Artifact", frames: "Iterable[Image]", advance: Callable[[], None]
) -> "Iterator[NDArray[np.float32]]":
    """Yield frames as the networks see them, float32 [1, 3, h, w]."""
    from dfs_core.runtime.restoration import shrink

    for frame in frames:
        yield shrink(frame[None], *description.network_size(*frame.shape[:2]))
        advance()


def _compare(before: Path, after: Path, frames: "Sequence[Image]", backends: Sequence[str]) -> "list[Row]":
    from dfs_core.quantization.loss import compare

    rows = []
    with _progress("comparing", len(frames) * len(backends)) as advance:
        for backend in backends:
            rows += compare(before, after, frames, backend=backend, advance=advance)
    return rows


def _compare_with_truth(
    before: Path, after: Path, data: str, limit: int, description: "Artifact", backend: str
) -> "list[Row]":
    from dfs_core.evaluation.dataset import FoggyScenes
    from dfs_core.labels import LABEL_SETS
    from dfs_core.quantization.loss import compare_with_truth

    labels = LABEL_SETS.get(description.labels.name, description.labels)  # a model file has no sizes of things
    scenes = FoggyScenes(data, labels=labels, limit=limit, seed=0)
    with _progress("comparing with the truth", len(scenes) * len(scenes.densities)) as advance:
        return compare_with_truth(before, after, scenes, backend=backend, advance=advance)


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Show how far it is, and how long it will take; yields what is to be called after each step."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)
