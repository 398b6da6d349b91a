"""A network of torch as an ONNX graph for any batch and size: norms folded, matrix products made convolutions."""

import logging
import warnings
from typing import TYPE_CHECKING

from dfs_core.artifact import LOW_RESOLUTION
from dfs_core.errors import ArtifactError
from dfs_core.onnx_folding import fold_norms
from dfs_core.onnx_products import products_to_convolutions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx
    from torch import nn

OPSET = 18
"""Version of ONNX's operators that files are written in: the oldest that has all of them, read by every backend."""

STRIDE = 16
"""What heights and widths of low-resolution frames are multiples of."""

_EXAMPLE = 288, 544
"""Height and width, rounded up to strides, of the frames that the exporter follows: two numbers that are not equal."""

_LARGEST = 1 << 14
"""Height and width up to which the exporter must see that nothing depends on them."""


def trace(
    network: "nn.Module", outputs: "Sequence[str]", *, takes: str = LOW_RESOLUTION, stride: int = STRIDE
) -> "onnx.ModelProto":
    """Return a network as ONNX, for any batch and any size that its stride divides.

    Args:
        network: takes float frames [N, 3, h, w] in [0, 1], and is in evaluation mode.
        outputs: names for what it gives.
        takes: name for what it is given.
        stride: what its heights and widths are multiples of.

    Raises:
        ArtifactError: torch has no ONNX exporter.
    """
    import torch

    # Which of torchvision's operators the exporter could not find is nothing that this network needs.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    batch = torch.export.Dim("batch", min=1, max=64)
    most = _LARGEST // stride
    high, wide = (torch.export.Dim(name, min=2, max=most) for name in ("strides_high", "strides_wide"))
    example = [stride * -(-length // stride) for length in _EXAMPLE]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations, nothing about this network
        program = torch.onnx.export(
            network,
            (torch.rand(2, 3, *example),),
            dynamo=True,
            opset_version=OPSET,
            input_names=[takes],
            output_names=list(outputs),
            dynamic_shapes=({0: batch, 2: stride * high, 3: stride * wide},),
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise ArtifactError("torch gave no ONNX program; install the version of torch that `make test` installs")
    model = program.model_proto
    fold_norms(model.graph)
    products_to_convolutions(model.graph)
    _forget_where_it_was_made(model.graph)
    return model


def _forget_where_it_was_made(graph: "onnx.GraphProto") -> None:
    """Drop the exporter's notes: they hold the source lines and folders of this machine."""
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
