"""Products that became convolutions: the graph computes what it computed before, on ONNX Runtime and on OpenVINO."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from dfs_core.onnx_products import products_to_convolutions

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(2, 5)).astype(np.float32)


def model(nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "plain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", None])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
        value_info=[helper.make_tensor_value_info("w", TensorProto.FLOAT, constants["w"].shape)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def answer(whole: onnx.ModelProto) -> np.ndarray:
    onnx.checker.check_model(whole, full_check=True)
    session = onnxruntime.InferenceSession(whole.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": VECTORS})[0]


def operators(whole: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in whole.graph.node]


def weights(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("transposed", [0, 1])
def test_product_with_a_constant_matrix_becomes_a_convolution(transposed, bias):
    matrix, shift = weights(5, 3), weights(3) if bias else np.zeros(3, np.float32)
    constants = {"w": matrix.T.copy() if transposed else matrix, **({"b": shift} if bias else {})}
    inputs = ["x", "w", *(["b"] if bias else [])]
    whole = model([helper.make_node("Gemm", inputs, ["y"], name="linear", transB=transposed)], constants)
    products_to_convolutions(whole.graph)
    assert operators(whole) == ["Unsqueeze", "Conv", "Squeeze"]
    np.testing.assert_allclose(answer(whole), VECTORS @ matrix + shift, atol=1e-5)


def test_openvino_computes_the_same():
    openvino = pytest.importorskip("openvino", reason="openvino is not installed")
    constants = {"w": weights(5, 3), "b": weights(3)}
    whole = model([helper.make_node("Gemm", ["x", "w", "b"], ["y"])], constants)
    products_to_convolutions(whole.graph)
    compiled = openvino.Core().compile_model(
        openvino.Core().read_model(whole.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    np.testing.assert_allclose(compiled(VECTORS)[0], VECTORS @ constants["w"] + constants["b"], atol=1e-5)


def test_products_in_a_row_all_become_convolutions_and_a_second_time_changes_nothing():
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["positive"]),
        helper.make_node("Gemm", ["positive", "v", "c"], ["y"]),
    ]
    constants = {"w": weights(5, 4), "b": weights(4), "v": weights(4, 3), "c": weights(3)}
    whole = model(nodes, constants)
    products_to_convolutions(whole.graph)
    assert "Gemm" not in operators(whole)
    hidden = np.maximum(VECTORS @ constants["w"] + constants["b"], 0.0)
    np.testing.assert_allclose(answer(whole), hidden @ constants["v"] + constants["c"], atol=1e-5)
    before = whole.SerializeToString()
    products_to_convolutions(whole.graph)
    assert whole.SerializeToString() == before


@pytest.mark.parametrize(
    ("attributes", "bias"),
    [({"alpha": 0.5}, (3,)), ({"beta": 2.0}, (3,)), ({}, (1,)), ({}, (1, 3))],
    ids=["alpha", "beta", "one bias for all", "bias with a batch"],
)
def test_other_products_stay(attributes, bias):
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], **attributes)]
    whole = model(nodes, {"w": weights(5, 3), "b": weights(*bias)})
    before = whole.SerializeToString()
    products_to_convolutions(whole.graph)
    assert whole.SerializeToString() == before


def test_product_whose_matrix_something_else_uses_stays():
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["half"]),
        helper.make_node("MatMul", ["x", "w"], ["other"]),
        helper.make_node("Add", ["half", "other"], ["y"]),
    ]
    constants = {"w": weights(5, 3)}
    whole = model(nodes, constants)
    products_to_convolutions(whole.graph)
    assert operators(whole) == ["Gemm", "MatMul", "Add"]
    np.testing.assert_allclose(answer(whole), 2 * VECTORS @ constants["w"], atol=1e-5)


def test_product_with_a_matrix_that_is_computed_stays():
    nodes = [helper.make_node("Relu", ["w"], ["m"]), helper.make_node("Gemm", ["x", "m"], ["y"])]
    whole = model(nodes, {"w": weights(5, 3)})
    products_to_convolutions(whole.graph)
    assert operators(whole) == ["Relu", "Gemm"]
