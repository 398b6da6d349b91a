"""What TensorRT is given: what it takes, and that it really builds from it."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from dfs_core.quantization.network import take_out
from dfs_core.quantization.tensorrt import quantize

SOURCE = Path("model.onnx")


@pytest.fixture
def quantised(model):
    frame = np.random.default_rng(2).random((1, 3, 48, 96), np.float32)
    return quantize(take_out(model, source=SOURCE), [frame], source=SOURCE)


def test_numbers_have_a_sign_and_no_zero_point_each_channel_a_scale_and_biases_stay_in_float(quantised, held):
    assert held(quantised) == {
        "w_inner": ("int8", "int8", "float32", 8, {0}),
        "w_think": ("int8", "int8", "none", 8, {0}),
    }


def test_only_what_goes_into_a_convolution_is_marked(quantised):
    marks = {node.output[0]: node.input[0] for node in quantised.graph.node if node.op_type == "QuantizeLinear"}
    restored = {node.output[0]: node.input[0] for node in quantised.graph.node if node.op_type == "DequantizeLinear"}
    takers = {name: node.op_type for node in quantised.graph.node for name in node.input}
    assert len(marks) == 2  # one before each of the two inner convolutions
    assert {takers[name] for name, source in restored.items() if source in marks} == {"Conv"}
    producers = {name: node.op_type for node in quantised.graph.node for name in node.output}
    assert "Conv" not in {producers[name] for name in marks.values()}


def test_there_is_nothing_in_32_bit_integers_to_restore(quantised):
    kinds = {tensor.name: tensor.data_type for tensor in quantised.graph.initializer}
    restored = {node.input[0] for node in quantised.graph.node if node.op_type == "DequantizeLinear"}
    assert {kinds[name] for name in restored if name in kinds} == {onnx.TensorProto.INT8}
