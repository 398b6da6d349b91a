"""Costs of ONNX files against counts by hand, and against torch's count of the network that was exported."""

import numpy as np
import onnx
import pytest
from onnx import helper
from torch import nn

from dfs_core.errors import ArtifactError, BackendError
from dfs_core.evaluation import onnx_cost
from dfs_core.evaluation.methods.method import Expense
from dfs_core.models.cost import cost

RNG = np.random.default_rng(0)


def weights(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def test_two_convolutions_by_hand(graph, tmp_path):
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["a", "low", "high"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["y"], group=4, pads=[2, 2, 2, 2]),
    ]
    constants = {"w1": weights(8, 3, 3, 3), "b1": weights(8), "w2": weights(8, 2, 5, 5)}
    limits = {"low": np.float32(0.0), "high": np.float32(6.0)}
    path = graph(tmp_path / "two.onnx", nodes, constants | limits, given=["N", 3, "H", "W"], made=["N", 8, "h", "w"])
    found = onnx_cost.expense(path, {"x": np.zeros((1, 3, 16, 32), np.float32)})
    assert found == Expense(8 * 27 + 8 + 8 * 2 * 25, 8 * 16 * 8 * 27 + 8 * 16 * 8 * 2 * 25)


def test_transposed_convolution_by_hand(graph, tmp_path):
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], group=2)
    path = graph(tmp_path / "t.onnx", [node], {"w": weights(4, 3, 2, 2)}, given=[1, 4, "H", "W"], made=[1, 6, "h", "w"])
    found = onnx_cost.expense(path, {"x": np.zeros((1, 4, 5, 7), np.float32)})
    assert found == Expense(4 * 3 * 4, 5 * 7 * 4 * 3 * 4)


@pytest.mark.parametrize(("transposed", "given"), [(0, (6, 5)), (1, (5, 6))])
def test_matrix_products_by_hand(graph, tmp_path, transposed, given):
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["a"], transA=transposed),
        helper.make_node("Transpose", ["a"], ["t"]),
        helper.make_node("MatMul", ["t", "a"], ["y"]),
    ]
    constants = {"w": weights(5, 4), "b": weights(4)}
    path = graph(tmp_path / "m.onnx", nodes, constants, given=["M", "K"], made=[4, 4])
    found = onnx_cost.expense(path, {"x": np.zeros(given, np.float32)})
    assert found == Expense(5 * 4 + 4, 6 * 4 * 5 + 4 * 4 * 6)


def test_averages_and_scales_are_not_learned(graph, tmp_path):
    nodes = [
        helper.make_node("BatchNormalization", ["x", "scale", "shift", "mean", "variance"], ["a"]),
        helper.make_node("Constant", [], ["table"], value=onnx.numpy_helper.from_array(weights(1, 3, 1, 1))),
        helper.make_node("Add", ["a", "table"], ["b"]),
        helper.make_node("Resize", ["b", "", "scales"], ["y"]),
    ]
    constants = {name: np.ones(3, np.float32) for name in ("scale", "shift", "mean", "variance")}
    constants["scales"] = np.array([1, 1, 2, 2], np.float32)
    path = graph(tmp_path / "n.onnx", nodes, constants, given=[1, 3, 4, 4], made=[1, 3, 8, 8])
    assert onnx_cost.expense(path, {"x": np.zeros((1, 3, 4, 4), np.float32)}) == Expense(3 + 3 + 3, 0)


def test_exported_network_costs_what_torch_counts(small_network, small_model):
    found = onnx_cost.expense(small_model, {"frames": np.zeros((1, 360, 480, 3), np.uint8)})
    expected = [cost(part, (1, 3, 368, 480)) for part in (small_network.generator, small_network.segmenter)]
    norms = sum(layer.num_features for layer in small_network.modules() if isinstance(layer, nn.BatchNorm2d))
    nodes = onnx.load(small_model).graph
    scales = {node.input[1] for node in nodes.node if node.op_type == "BatchNormalization"}
    folded = norms - sum(tensor.dims[0] for tensor in nodes.initializer if tensor.name in scales)
    assert found.macs == sum(part.macs for part in expected)
    single = sum(value.ndim == 0 for value in small_network.parameters())
    constant = small_network.generator.elevation.numel()  # stored as weights are
    # A folded BatchNormalization leaves one of its two numbers a channel; numbers without an axis do not count.
    assert found.parameters == sum(part.parameters for part in expected) - folded - single + constant


def test_no_macs_are_told_where_some_are_not_counted(graph, tmp_path):
    node = helper.make_node("Einsum", ["x", "w"], ["y"], equation="nchw,dc->ndhw")
    path = graph(tmp_path / "e.onnx", [node], {"w": weights(5, 3)}, given=[1, 3, 4, 4], made=[1, 5, 4, 4])
    assert onnx_cost.expense(path, {"x": np.zeros((1, 3, 4, 4), np.float32)}) == Expense(15, None)


def test_quantised_weights_count_and_their_scales_do_not(graph, tmp_path):
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["v"], axis=0),
        helper.make_node("Conv", ["x", "v"], ["y"]),
    ]
    constants = {"w": np.ones((5, 3, 1, 1), np.int8), "s": np.ones(5, np.float32)}
    path = graph(tmp_path / "q.onnx", nodes, constants, given=[1, 3, 4, 4], made=[1, 5, 4, 4])
    assert onnx_cost.expense(path, {"x": np.zeros((1, 3, 4, 4), np.float32)}) == Expense(15, 15 * 16)


def test_weights_are_read_from_files_beside(graph, tmp_path):
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    path = graph(tmp_path / "c.onnx", [node], {"w": weights(40, 3, 4, 4)}, given=[1, 3, 4, 4], made=[1, 40, 1, 1])
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert onnx_cost.expense(path, {"x": np.zeros((1, 3, 4, 4), np.float32)}) == Expense(40 * 48, 40 * 48)


def test_graph_that_cannot_run_is_named(graph, tmp_path):
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    path = graph(tmp_path / "c.onnx", [node], {"w": weights(4, 3, 3, 3)}, given=[1, 3, "H", "W"], made=[1, 4, "h", "w"])
    with pytest.raises(BackendError, match=r"c\.onnx: ONNX Runtime failed on x \[1, 2, 8, 8\]"):
        onnx_cost.expense(path, {"x": np.zeros((1, 2, 8, 8), np.float32)})


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"gone\.onnx: cannot be opened \(No such file or directory\)"):
        onnx_cost.expense(tmp_path / "gone.onnx", {})
