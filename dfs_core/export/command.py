"""`dfs export`: checkpoints to one self-describing ONNX file, checked before it is written."""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfs_core.artifact import Artifact
from dfs_core.errors import ArtifactError

if TYPE_CHECKING:
    from rich.table import Table

    from dfs_core.export.parity import Row
    from dfs_core.export.writing import Written

DATA = {"camvid": "CamVid with label-geometry fog", "scenes": "drawn scenes"}
"""What a model file says of the data of a checkpoint."""

TERMS = {
    "camvid": "research use: trained on CamVid, whose frames state no licence",
    "scenes": "Apache-2.0: trained on drawn scenes",
}
"""What it says of the terms that follow from them."""


class Precision(str, Enum):
    """Number formats that a file is exported in; `dfs quantize` makes int8 of one in fp32."""

    FP32 = "fp32"
    FP16 = "fp16"


def export(
    generator: Annotated[Path, typer.Argument(help="Checkpoint of the dehazer.")],
    segmenter: Annotated[Path, typer.Argument(help="Checkpoint of the segmenter whose mask is published.")],
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")],
    name: Annotated[str, typer.Option(help="What the model is called.")] = "dfs_fast",
    precision: Annotated[
        Precision, typer.Option(help="Number format of the networks: fp16 for GPUs, half the size; fp32 for the rest.")
    ] = Precision.FP32,
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
    frames at once; it is not written if it says something else. Any number of frames of any size fits it.
    """
    from rich.console import Console

    from dfs_core.evaluation.segmentation import load_generator, load_segmenter
    from dfs_core.export.parity import missing_backends
    from dfs_core.export.writing import write
    from dfs_core.models.pipeline import Network
    from dfs_core.models.translator import Translator
    from dfs_core.training import checkpoint
    from dfs_core.whole_output import require_place

    metrics = dict(map(_metric, metric or ()))
    for path in filter(None, (out, json_)):
        require_place(path)
    dehazer, labeller = load_generator(generator), load_segmenter(segmenter)
    if isinstance(dehazer, Translator):
        raise ArtifactError(
            f"{generator}: its generator draws the dehazed image itself, but a model file restores it from what a "
            "generator such as 'fast' says of the fog; export a checkpoint of one of these"
        )
    sources = sorted({checkpoint.load(path).config["data"]["name"] for path in (generator, segmenter)})
    description = Artifact(
        name,
        labeller.labels,
        precision=precision.value,
        training_data=training_data or ", ".join(DATA.get(source, source) for source in sources),
        license=license_ or "; ".join(TERMS.get(source, f"the terms of {source}") for source in sources),
        metrics=metrics,
    )
    written = write(Network(dehazer, labeller).eval(), description, out)
    console = Console()
    console.print(_table(written.parity))
    for backend, reason in missing_backends().items():
        console.print(f"Not compared on {backend}: {reason}", markup=False, soft_wrap=True)
    console.print(f"{out}: {_summary(written, precision)}", markup=False, highlight=False, soft_wrap=True)
    if json_ is not None:
        _write_json(written, json_)


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


def _summary(written: "Written", precision: Precision) -> str:
    from dfs_core.export.writing import COST_SIZE

    height, width = COST_SIZE
    macs = "" if written.macs is None else f", {written.macs / 1e9:.2f} GMAC at {width}x{height}"
    return (
        f"{written.size / 1e6:.2f} MB in {precision.value}, {written.parameters / 1e6:.2f} M parameters{macs}, "
        f"opset {written.opset}"
    )


def _write_json(written: "Written", path: Path) -> None:
    import json
    from dataclasses import asdict

    from dfs_core.whole_output import whole_output

    figures = asdict(written)
    for row in figures["parity"]:
        row["frames"] = dict(zip(("batch", "height", "width"), row["frames"], strict=True))
    with whole_output(path, overwrite=True) as partial:
        partial.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
