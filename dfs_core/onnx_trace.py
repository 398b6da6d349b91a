"""A network of torch as an ONNX graph for any batch and size, its norms folded."""

import logging
import warnings
from typing import TYPE_CHECKING

from dfs_core.artifact import LOW_RESOLUTION
from dfs_core.errors import ArtifactError
from dfs_core.onnx_folding import fold_norms

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx
    from torch import nn

OPSET = 18
"""Version of ONNX's operators that files are written in: the oldest that has all of them, read by every backend."""


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
    fold_norms(model.graph)
    _forget_where_it_was_made(model.graph)
    return model


def _forget_where_it_was_made(graph: "onnx.GraphProto") -> None:
    """Drop the exporter's notes: they hold the source lines and folders of this machine."""
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
