"""`dfs export`: checkpoints to one self-describing ONNX file, checked before it is written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfs_core.artifact import Artifact
from dfs_core.errors import ArtifactError
from dfs_core.quantization.command import Target, quantize

if TYPE_CHECKING:
    from rich.table import Table

    from dfs_core.export.drawn import DrawnPipeline
    from dfs_core.export.parity import Row
    from dfs_core.export.writing import Written
    from dfs_core.models.pipeline import Network
    from dfs_core.onnx_sides import Sides

_SIZE = "WIDTHxHEIGHT"

DATA = {"camvid": "CamVid with label-geometry fog", "scenes": "drawn scenes"}
"""What a model file says of the data of a checkpoint."""

TERMS = {
    "camvid": "research use: trained on CamVid, whose frames state no licence",
    "scenes": "Apache-2.0: trained on drawn scenes",
}
"""What it says of the terms that follow from them."""


class Precision(str, Enum):
    """Number formats that a file is exported in."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


def export(
    generator: Annotated[Path, typer.Argument(help="Checkpoint of the dehazer.")],
    segmenter: Annotated[Path, typer.Argument(help="Checkpoint of the segmenter whose mask is published.")],
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")],
    name: Annotated[str, typer.Option(help="What the model is called.")] = "dfs_fast",
    precision: Annotated[
        Precision,
        typer.Option(
            help="Number format of the networks: fp16 for GPUs, half the size; int8 as `dfs quantize` makes it, with "
            "--calibration and --target; fp32 for the rest."
        ),
    ] = Precision.FP32,
    size: Annotated[
        str | None, typer.Option(metavar=_SIZE, help="The only size of frames that the file takes; any by default.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The only number of frames at once; any by default.")
    ] = None,
    network_width: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS",
            help="Width of the shrunken frames that the networks look at, a multiple of 16: wider is finer and slower. "
            "By default what both checkpoints were trained for.",
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            metavar=_SIZE,
            help="The largest frames that it is compared on, and that engines are made for where `dfs build-engine` is "
            "not told otherwise.",
        ),
    ] = None,
    calibration: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="With int8: frames to calibrate on; see `dfs quantize`.")
    ] = None,
    target: Annotated[Target, typer.Option(help="With int8: what the file shall run on.")] = Target.CPU,
    training_data: Annotated[
        str | None, typer.Option(help="What it was trained on; by default the names of both checkpoints' data.")
    ] = None,
    license_: Annotated[
        str | None, typer.Option("--license", help="Under what terms the weights may be used; by default, by the data.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="A figure to keep in the file, such as psnr_gain=8.5. Repeatable.")
    ] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Also write cost and comparison here.")] = None,
) -> None:
    """Write a dehazer and a segmenter as one ONNX file that every backend runs.

    The file is compared with the networks in torch, on ONNX Runtime and on OpenVINO, at several sizes and for two
    frames at once; it is not written if it says something else. Any number of frames of any size fits it, unless --size
    or --batch say which alone shall.
    """
    from rich.console import Console

    from dfs_core.export.parity import missing_backends
    from dfs_core.export.writing import write
    from dfs_core.whole_output import require_place

    metrics = dict(map(_metric, metric or ()))
    sides, largest = _sides(batch, size, max_size)
    if (precision is Precision.INT8) != (calibration is not None):
        raise ArtifactError(
            "--precision int8 and --calibration FOLDER belong together: give a folder of pictures as the camera takes "
            "them, foggy and clear, or leave both out"
        )
    for path in filter(None, (out, json_)):
        require_place(path)
    network, description = _load(generator, segmenter, network_width)
    if description.draws and precision is Precision.INT8:
        raise ArtifactError(
            f"{generator}: its generator draws the dehazed image itself, and what is lost by that in 8 bits is seen in "
            "every pixel; export it with --precision fp16, or a generator such as 'fast'"
        )
    description = replace(
        description,
        name=name,
        precision="fp16" if precision is Precision.FP16 else "fp32",
        training_data=training_data or description.training_data,
        license=license_ or description.license,
        metrics=metrics,
        max_size=largest,
    )
    with _float_file(out, precision) as written_to:
        written = write(network, description, written_to, sides=sides)
        console = Console()
        console.print(_table(written.parity))
        for backend, reason in missing_backends().items():
            console.print(f"Not compared on {backend}: {reason}", markup=False, soft_wrap=True)
        shown = out if calibration is None else written_to.name
        console.print(f"{shown}: {_summary(written, description)}", markup=False, highlight=False, soft_wrap=True)
        if calibration is not None:
            quantize(written_to, calibration, out, target=target)
    if json_ is not None:
        _write_json(written, json_)


def _load(generator: Path, segmenter: Path, width: int | None) -> "tuple[Network | DrawnPipeline, Artifact]":
    """Return both networks as one, and what their checkpoints say of them."""
    from dfs_core.evaluation.segmentation import load_generator, load_segmenter, network_width
    from dfs_core.export.drawn import DrawnPipeline
    from dfs_core.models.pipeline import Network
    from dfs_core.models.translator import Translator
    from dfs_core.training import checkpoint

    dehazer, labeller = load_generator(generator), load_segmenter(segmenter)
    widths = [network_width(path) for path in (generator, segmenter)]
    if width is None and widths[0] != widths[1]:
        raise ArtifactError(
            f"{generator} was trained for frames {widths[0]} pixels wide, but {segmenter} for {widths[1]}, and both "
            f"look at the same frame; choose one with --network-width {widths[1]}"
        )
    sources = sorted({checkpoint.load(path).config["data"]["name"] for path in (generator, segmenter)})
    description = Artifact(
        "",
        labeller.labels,
        network_width=width or widths[0],
        training_data=", ".join(DATA.get(source, source) for source in sources),
        license="; ".join(TERMS.get(source, f"the terms of {source}") for source in sources),
        draws=isinstance(dehazer, Translator),
    )
    if isinstance(dehazer, Translator):
        return DrawnPipeline(dehazer, labeller, description.network_width).eval(), description
    return Network(dehazer, labeller).eval(), description


def _sides(batch: int | None, size: str | None, max_size: str | None) -> "tuple[Sides, tuple[int, int] | None]":
    """Return which sides of frames are fixed, and the largest height and width."""
    from dfs_core.engines.profile import parse_size

    if size is not None and max_size is not None:
        raise ArtifactError("--size fixes the size of all frames, so that --max-size says nothing; give one of them")
    height, width = (None, None) if size is None else parse_size(size)
    return (batch, height, width), None if max_size is None else parse_size(max_size)


@contextmanager
def _float_file(out: Path, precision: Precision) -> Iterator[Path]:
    """Yield where the file in floating point goes: what int8 is made of is not kept."""
    import tempfile

    if precision is not Precision.INT8:
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="dfs-export-") as folder:
        yield Path(folder) / f"{out.stem}_fp32.onnx"


def _metric(words: str) -> tuple[str, float]:
    name, _, value = words.partition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise ArtifactError(f"--metric {words}: must be name=number, such as psnr_gain=8.5") from error


def _table(rows: "Sequence[Row]") -> "Table":
    """Return the comparison for people."""
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title="difference from torch in fp32 (levels of 255)", box=SIMPLE)
    table.add_column("backend", no_wrap=True)
    for column in ("frames", "largest", "mean", "same label", "fog density"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        found = (f"{row.largest}", f"{row.mean:.4f}", f"{row.labels:.3%}", f"{row.density:.1e}")
        table.add_row(row.backend, str(row.frames), *found)
    return table


def _summary(written: "Written", description: Artifact) -> str:
    height, width = written.macs_size
    macs = "" if written.macs is None else f", {written.macs / 1e9:.2f} GMAC at {width}x{height}"
    return (
        f"{written.size / 1e6:.2f} MB in {description.precision}, {written.parameters / 1e6:.2f} M parameters{macs}, "
        f"opset {written.opset}"
    )


def _write_json(written: "Written", path: Path) -> None:
    import json
    from dataclasses import asdict

    from dfs_core.whole_output import whole_output

    figures = asdict(written)
    figures["macs_size"] = dict(zip(("height", "width"), written.macs_size, strict=True))
    for row in figures["parity"]:
        row["frames"] = dict(zip(("batch", "height", "width"), row["frames"], strict=True))
    with whole_output(path, overwrite=True) as partial:
        partial.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
