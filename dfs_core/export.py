"""`dfs export`: checkpoints to one self-describing ONNX file, checked before it is written."""

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfs_core.artifact import DEHAZED, FOG_DENSITY, FRAMES, LOW_RESOLUTION, MASK, RESTORATION, Artifact
from dfs_core.errors import ArtifactError
from dfs_core.whole_output import whole_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import onnx
    from numpy.typing import NDArray
    from torch import nn

    from dfs_core.models.pipeline import Network

OPSET = 18
SIZES = ((270, 480), (361, 479), (720, 1280))
"""Frames on which the file must agree with torch."""

DATA = {"camvid": "CamVid with label-geometry fog", "scenes": "drawn scenes"}
"""What a model file says of the data of a checkpoint."""

TERMS = {
    "camvid": "research use: trained on CamVid, whose frames state no licence",
    "scenes": "Apache-2.0: trained on drawn scenes",
}
"""What it says of the terms that follow from them."""

LARGEST_DIFFERENCE = 1
SMALLEST_AGREEMENT = 0.999


def export(
    generator: Annotated[Path, typer.Argument(help="Checkpoint of the dehazer.")],
    segmenter: Annotated[Path, typer.Argument(help="Checkpoint of the segmenter whose mask is published.")],
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")],
    name: Annotated[str, typer.Option(help="What the model is called.")] = "dfs_fast",
    training_data: Annotated[
        str | None, typer.Option(help="What it was trained on; by default the names of both checkpoints' data.")
    ] = None,
    license_: Annotated[
        str | None, typer.Option("--license", help="Under what terms the weights may be used; by default, by the data.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="A figure to keep in the file, such as psnr_gain=8.5. Repeatable.")
    ] = None,
) -> None:
    """Write a dehazer and a segmenter as one ONNX file that every backend runs."""
    from rich.console import Console

    from dfs_core.evaluation.segmentation import load_generator, load_segmenter
    from dfs_core.models.pipeline import Network
    from dfs_core.models.translator import Translator
    from dfs_core.training import checkpoint

    metrics = dict(map(_metric, metric or ()))
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
        training_data=training_data or ", ".join(DATA.get(source, source) for source in sources),
        license=license_ or "; ".join(TERMS.get(source, f"the terms of {source}") for source in sources),
        metrics=metrics,
    )
    network = Network(dehazer, labeller).eval()
    difference, agreement = write(network, description, out)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    Console().print(
        f"{out}: {out.stat().st_size / 1e6:.2f} MB, {parameters / 1e6:.2f} M parameters, opset {OPSET}; "
        f"against torch: largest difference {difference} of 255, {agreement:.3%} equal labels",
        soft_wrap=True,
    )


def write(network: "Network", description: Artifact, path: Path) -> tuple[int, float]:
    """Write a network as a whole model file, if ONNX Runtime gets the same from it as torch.

    Args:
        network: generator and segmenter, in evaluation mode.
        description: the metadata that goes into the file.
        path: where; a file of that name is replaced only when the new one has passed.

    Returns:
        The largest difference of the dehazed frames, of 255, and the share of equal labels.

    Raises:
        ArtifactError: the file says something else than torch.
        OutputError: it cannot be written there.
    """
    import onnx

    from dfs_core.onnx_frame import enclose

    model = enclose(trace(network, (RESTORATION, MASK, FOG_DENSITY)), description)
    onnx.checker.check_model(model, full_check=True)
    difference, agreement = compare(network, model)
    if difference > LARGEST_DIFFERENCE or agreement < SMALLEST_AGREEMENT:
        raise ArtifactError(
            f"{path}: not written, because ONNX Runtime differs from torch by {difference} of 255 (at most "
            f"{LARGEST_DIFFERENCE} is allowed) and agrees on {agreement:.3%} of the labels (at least "
            f"{SMALLEST_AGREEMENT:.1%}); train longer, or report the model"
        )
    with whole_output(path, overwrite=True) as partial:
        onnx.save(model, partial)
    return difference, agreement


def compare(network: "Network", model: "onnx.ModelProto") -> tuple[int, float]:
    """Return the largest difference of dehazed frames, of 255, and the smallest share of equal labels, over `SIZES`."""
    import numpy as np
    import onnxruntime
    import torch

    from dfs_core.models.pipeline import Pipeline

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pipeline = Pipeline(network).eval()
    difference, agreement = 0, 1.0
    for seed, (height, width) in enumerate(SIZES):
        frames = _picture(seed, height, width)
        dehazed, mask = session.run([DEHAZED, MASK], {FRAMES: frames})
        with torch.inference_mode():
            expected = pipeline(torch.from_numpy(frames))
        difference = max(difference, int(np.abs(dehazed.astype(int) - expected.dehazed.numpy()).max()))
        agreement = min(agreement, float((mask == expected.mask.numpy()).mean()))
    return difference, agreement


def _metric(words: str) -> tuple[str, float]:
    name, _, value = words.partition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise ArtifactError(f"--metric {words}: must be name=number, such as psnr_gain=8.5") from error


def _picture(seed: int, height: int, width: int) -> "NDArray[np.uint8]":
    """Return a smooth random picture with some grain, uint8 [1, H, W, 3]: noise alone is nothing that a camera sees."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(seed)
    banks = cv2.resize(rng.uniform(40, 230, (9, 16, 3)).astype(np.float32), (width, height))
    return np.clip(banks + rng.normal(0, 6, banks.shape), 0, 255).astype(np.uint8)[None]


def trace(network: "nn.Module", outputs: "Sequence[str]") -> "onnx.ModelProto":
    """Return a network as ONNX that takes `low_resolution`, for any batch and any size that 16 divides.

    Args:
        network: takes float frames [N, 3, h, w] in [0, 1], and is in evaluation mode.
        outputs: names for what it gives.

    Raises:
        ArtifactError: torch has no ONNX exporter.
    """
    import torch

    # Which of torchvision's operators the exporter could not find is nothing that this network needs.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    batch = torch.export.Dim("batch", min=1, max=64)
    high, wide = (torch.export.Dim(name, min=2, max=64) for name in ("sixteenths_high", "sixteenths_wide"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations, nothing about this network
        program = torch.onnx.export(
            network,
            (torch.rand(2, 3, 96, 160),),
            dynamo=True,
            opset_version=OPSET,
            input_names=[LOW_RESOLUTION],
            output_names=list(outputs),
            dynamic_shapes=({0: batch, 2: 16 * high, 3: 16 * wide},),
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise ArtifactError("torch gave no ONNX program; install the version of torch that `make test` installs")
    model = program.model_proto
    _forget_where_it_was_made(model.graph)
    return model


def _forget_where_it_was_made(graph: "onnx.GraphProto") -> None:
    """Drop the exporter's notes: they hold the source lines and folders of this machine."""
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
