"""ONNX Runtime's static quantisation of networks: normalisation folded, ranges from frames, by the rules of a target.

Ranges are the smallest and largest values that calibration frames give. Weights are in 8 bits with sign, with a scale
for each channel.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfs_core.artifact import LOW_RESOLUTION
from dfs_core.errors import BackendError, DfsError
from dfs_core.quantization.layers import quantisable

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Rules:
    """What one target wants otherwise than another.

    Attributes:
        activations: how the inputs of convolutions are held, a name of ONNX Runtime's `QuantType`.
        followed_by: operators that compute in whole numbers, too, wherever they stand.
        not_behind: operators whose outputs stay in floating point, and so do the convolutions that take them.
        options: `extra_options` of ONNX Runtime's `quantize_static`.
    """

    activations: str
    followed_by: tuple[str, ...] = ()
    not_behind: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)


def quantize_networks(networks: "ModelProto", inputs: Iterable[Floats], rules: Rules, *, source: Path) -> "ModelProto":
    """Return networks whose convolutions are given whole numbers.

    Args:
        networks: take `low_resolution`; left as they are.
        inputs: low-resolution frames in [0, 1], float32 [N, 3, h, w], that show what cameras see.
        rules: those of the target.
        source: name of their file, for messages.

    Raises:
        ArtifactError: there is no convolution that could be quantised.
        BackendError: ONNX Runtime is not installed, or cannot quantise this graph.
    """
    import onnx

    try:
        import onnxruntime.quantization as tool
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise BackendError(f"onnxruntime not installed ({error}); run `pip install 'dfs_ros[onnxruntime]'`") from error
    with tempfile.TemporaryDirectory(prefix="dfs-quantize-") as folder:
        whole, prepared, quantised = (Path(folder) / f"{name}.onnx" for name in ("whole", "prepared", "quantised"))
        onnx.save(_foldable(networks), whole)
        try:
            quant_pre_process(whole, prepared, skip_symbolic_shape=True)
            graph = _name_nodes(prepared)
            kept = {name for node in graph.node if node.op_type in rules.not_behind for name in node.output}
            behind = {node.name for node in graph.node if node.input and node.input[0] in kept}
            chosen = [name for name in quantisable(graph, source=source) if name not in behind]
            followers = [node.name for node in graph.node if node.op_type in rules.followed_by]
            tool.quantize_static(
                prepared,
                quantised,
                _Reader(iter(inputs)),
                quant_format=tool.QuantFormat.QDQ,
                op_types_to_quantize=["Conv", *rules.followed_by],
                nodes_to_quantize=chosen + followers,
                per_channel=True,
                activation_type=tool.QuantType[rules.activations],
                weight_type=tool.QuantType.QInt8,
                extra_options=dict(rules.options),
            )
        except DfsError:
            raise
        except Exception as error:
            raise BackendError(
                f"{source}: ONNX Runtime cannot quantise it ({type(error).__name__}: {error}); "
                "export it again with `dfs export`"
            ) from error
        return onnx.load(quantised)


class _Reader:
    """Hands frames to ONNX Runtime's calibration, as its `CalibrationDataReader` does."""

    def __init__(self, inputs: Iterator[Floats]) -> None:
        self._inputs = inputs

    def get_next(self) -> dict[str, Floats] | None:
        """Return the next frame; None when there is none."""
        frame = next(self._inputs, None)
        return None if frame is None else {LOW_RESOLUTION: frame}


def _foldable(networks: "ModelProto") -> "ModelProto":
    """Return networks in which normalisation can be folded into the convolution before it.

    It could not where something asks for the shape of what lies between them; it is asked of what follows, which has
    the same.
    """
    import onnx

    copied = onnx.ModelProto()
    copied.CopyFrom(networks)
    normalised: dict[str, str] = {}
    for node in copied.graph.node:
        if node.op_type == "BatchNormalization":
            normalised[node.input[0]] = node.output[0]
        elif node.op_type == "Shape":
            node.input[0] = normalised.get(node.input[0], node.input[0])
    return copied


def _name_nodes(path: Path) -> "GraphProto":
    """Give each node of a file a name of its own, by which it can be chosen, and return the graph."""
    import onnx

    model = onnx.load(path)
    for node in model.graph.node:
        node.name = node.output[0]
    onnx.save(model, path)
    return model.graph
