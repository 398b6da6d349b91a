"""Whole numbers for processors: activations in 8 bits without sign, weights in 8 bits with, a scale for each channel.

Both processor backends multiply these without leaving integers. Only convolutions are quantised. These stay in floating
point, because little is gained there and much is lost:

- those that look at a picture's colours (three channels in): the first layers;
- those that the outputs are made of: transmission, airlight and class scores. Transmission is divided by, so its errors
  are amplified up to eight times;
- everything that is no convolution, so global fog (airlight and attenuation), the restoration and the argmax.

Ranges are the smallest and largest values that calibration frames give.
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfs_core.artifact import LOW_RESOLUTION
from dfs_core.errors import ArtifactError, BackendError, DfsError
from dfs_core.quantization.network import OUTPUTS

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

Floats = NDArray[np.float32]

_COLORS = 3
_ACTIVATIONS = ("Relu", "Clip")
_OPERATORS = ["Conv", *_ACTIVATIONS]
_ENDS = frozenset({"GlobalAveragePool", "GlobalMaxPool", "ReduceMax", "ReduceMean", "Shape"})
"""Behind these lie features of the whole frame, or only sizes, and no longer the layers that an output is made of."""


def quantize(networks: "ModelProto", inputs: Iterable[Floats], *, source: Path) -> "ModelProto":
    """Return networks whose convolutions compute in whole numbers.

    Args:
        networks: take `low_resolution`; left as they are.
        inputs: low-resolution frames in [0, 1], float32 [N, 3, h, w], that show what cameras see.
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
            tool.quantize_static(
                prepared,
                quantised,
                _Reader(iter(inputs)),
                quant_format=tool.QuantFormat.QDQ,
                op_types_to_quantize=_OPERATORS,
                nodes_to_quantize=_quantisable(graph, source=source),
                per_channel=True,
                activation_type=tool.QuantType.QUInt8,
                weight_type=tool.QuantType.QInt8,
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


def _quantisable(graph: "GraphProto", *, source: Path) -> list[str]:
    """Return the names of the convolutions that need not stay in floating point, and of activations, which may follow.

    Raises:
        ArtifactError: there is no such convolution.
    """
    channels = {tensor.name: tensor.dims[1] for tensor in graph.initializer if len(tensor.dims) == 4}
    last = _last_layers(graph)
    convolutions = [
        node.name
        for node in graph.node
        if node.op_type == "Conv" and channels.get(node.input[1]) != _COLORS and node.output[0] not in last
    ]
    if not convolutions:
        raise ArtifactError(
            f"{source}: none of its convolutions can be quantised, because all of them look at colours or make an "
            "output; run the file as it is"
        )
    return convolutions + [node.name for node in graph.node if node.op_type in _ACTIVATIONS]


def _last_layers(graph: "GraphProto") -> set[str]:
    """Return what the last convolutions before each output give, by tensor names."""
    producers = {name: node for node in graph.node for name in node.output}
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [*OUTPUTS]
    while waiting:
        name = waiting.pop()
        node = producers.get(name)
        if name in seen or node is None:
            continue
        seen.add(name)
        if node.op_type == "Conv":
            found.add(name)
        elif node.op_type not in _ENDS:
            waiting.extend(node.input)
    return found
