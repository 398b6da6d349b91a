"""What processors are given, so that they multiply and activate in integers."""

from pathlib import Path

import numpy as np
import pytest

from dfs_core.quantization.cpu import quantize
from dfs_core.quantization.network import take_out

SOURCE = Path("model.onnx")


@pytest.fixture
def quantised(model):
    frame = np.random.default_rng(2).random((1, 3, 48, 96), np.float32)
    return quantize(take_out(model, source=SOURCE), [frame], source=SOURCE)


def test_activations_have_no_sign_weights_have_one_and_each_channel_a_scale(quantised, held):
    assert held(quantised) == {
        "w_inner": ("uint8", "int8", "int32", 8, {0}),  # zero points of 0, because what goes in is not below zero
        "w_think": ("uint8", "int8", "none", 8, {0}),
    }


def test_what_comes_out_of_a_convolution_is_in_integers_too(quantised):
    restored = {node.output[0] for node in quantised.graph.node if node.op_type == "DequantizeLinear"}
    takers = {name: node.op_type for node in quantised.graph.node for name in node.input}
    inner = [node for node in quantised.graph.node if node.op_type == "Conv" and node.input[1] in restored]
    assert [takers[node.output[0]] for node in inner] == ["QuantizeLinear", "QuantizeLinear"]
