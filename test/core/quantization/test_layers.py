"""Which layers compute in whole numbers."""

from pathlib import Path

import pytest
from onnx import helper

from dfs_core.errors import ArtifactError
from dfs_core.quantization.layers import quantisable
from dfs_core.quantization.network import take_out

SOURCE = Path("model.onnx")


@pytest.fixture
def graph(model):
    """The networks; each node is called as its tensor is in the text."""
    networks = take_out(model, source=SOURCE).graph
    for node in networks.node:
        node.name = node.output[0]
    return networks


def test_only_convolutions_that_neither_see_colours_nor_make_an_output_are_quantised(graph):
    assert [name.rpartition(".")[2] for name in quantisable(graph, source=SOURCE)] == ["linear", "think"]


def test_convolutions_of_one_pixel_that_were_matrix_products_stay_in_floating_point(graph):
    pixel = graph.node.add(op_type="Unsqueeze", output=["pixel"])
    inner = next(node for node in graph.node if node.name.endswith("linear"))
    pixel.input.extend([inner.input[0], "axes"])
    inner.input[0] = "pixel"
    assert [name.rpartition(".")[2] for name in quantisable(graph, source=SOURCE)] == ["think"]


def test_convolutions_that_see_a_shrunken_frame_alone_stay_in_floating_point(graph):
    inner = next(node for node in graph.node if node.name.endswith("linear"))
    graph.node.insert(0, helper.make_node("AveragePool", ["low_resolution"], ["small"], kernel_shape=[2, 2]))
    inner.input[0] = "small"
    assert [name.rpartition(".")[2] for name in quantisable(graph, source=SOURCE)] == ["think"]


def test_networks_without_inner_convolutions_are_refused(graph):
    for node in graph.node:
        if node.op_type == "Conv" and node.input[1].endswith(("w_inner", "w_think")):
            node.op_type = "Identity"
            del node.input[1:]
            del node.attribute[:]
    with pytest.raises(ArtifactError, match=r"model.onnx: none of its convolutions can be quantised"):
        quantisable(graph, source=SOURCE)
