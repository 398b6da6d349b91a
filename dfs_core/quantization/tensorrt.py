"""Whole numbers for TensorRT: activations and weights in 8 bits with sign, no zero points, biases in float.

It refuses all others: its parser takes no zero point but 0 and no bias in 32 bits. Only what goes into a convolution is
marked. What comes out is not, so that the builder can fuse a convolution with what follows it, up to where the next one
asks for 8 bits. A convolution that takes another's output as it is stays in floating point: of the shipped segmenter,
which has five such, 26 % of the labels would change instead of 1.3 %.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dfs_core.quantization.static import Floats, Rules, quantize_networks

if TYPE_CHECKING:
    from onnx import ModelProto

RULES = Rules(
    activations="QInt8",
    not_behind=("Conv",),
    options={
        "ActivationSymmetric": True,
        "WeightSymmetric": True,
        "QuantizeBias": False,
        "OpTypesToExcludeOutputQuantization": ["Conv"],
    },
)


def quantize(networks: "ModelProto", inputs: Iterable[Floats], *, source: Path) -> "ModelProto":
    """Return networks whose convolutions TensorRT computes in whole numbers; see `quantize_networks`.

    Raises:
        ArtifactError: there is no convolution that could be quantised.
        BackendError: ONNX Runtime is not installed, or cannot quantise this graph.
    """
    return quantize_networks(networks, inputs, RULES, source=source)
