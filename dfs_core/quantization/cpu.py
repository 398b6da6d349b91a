"""Whole numbers for processors: activations in 8 bits without sign, weights in 8 bits with, a scale for each channel.

Both processor backends multiply these without leaving integers.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dfs_core.quantization.static import Floats, Rules, quantize_networks

if TYPE_CHECKING:
    from onnx import ModelProto

RULES = Rules(activations="QUInt8", followed_by=("Relu", "Clip"))
"""An activation function that computes in integers costs nothing: without one, numbers go to float and back."""


def quantize(networks: "ModelProto", inputs: Iterable[Floats], *, source: Path) -> "ModelProto":
    """Return networks whose convolutions compute in whole numbers on processors; see `quantize_networks`.

    Raises:
        ArtifactError: there is no convolution that could be quantised.
        BackendError: ONNX Runtime is not installed, or cannot quantise this graph.
    """
    return quantize_networks(networks, inputs, RULES, source=source)
