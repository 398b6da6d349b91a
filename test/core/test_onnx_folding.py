"""Folded norms: the graph computes what it computed before, on ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from dfs_core.onnx_folding import fold_norms

RNG = np.random.default_rng(0)


def norm(name: str, channels: int) -> dict[str, np.ndarray]:
    values = RNG.uniform(0.5, 2.0, (4, channels)).astype(np.float32)
    return {f"{name}_{part}": row for part, row in zip(("gain", "shift", "mean", "variance"), values, strict=True)}


def normalize(source: str, name: str, output: str) -> onnx.NodeProto:
    constants = [f"{name}_{part}" for part in ("gain", "shift", "mean", "variance")]
    return helper.make_node("BatchNormalization", [source, *constants], [output], epsilon=1e-3)


def model(nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], **outputs: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "plain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, "H", "W"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank) for name, rank in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def answers(whole: onnx.ModelProto) -> list[np.ndarray]:
    onnx.checker.check_model(whole, full_check=True)
    session = onnxruntime.InferenceSession(whole.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.random.default_rng(1).normal(size=(2, 3, 8, 10)).astype(np.float32)})


def operators(whole: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in whole.graph.node]


def weights(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("operator", "shape"), [("Conv", (4, 3, 3, 3)), ("ConvTranspose", (3, 4, 3, 3))])
def test_norm_becomes_part_of_the_convolution_before_it(operator, shape, bias):
    constants = {"w": weights(*shape), **({"b": weights(4)} if bias else {}), **norm("n", 4)}
    inputs = ["x", "w", *(["b"] if bias else [])]
    whole = model([helper.make_node(operator, inputs, ["a"]), normalize("a", "n", "y")], constants, y=4)
    before = answers(whole)
    fold_norms(whole.graph)
    assert operators(whole) == [operator]
    np.testing.assert_allclose(answers(whole)[0], before[0], atol=1e-5)


def test_a_question_for_the_shape_does_not_keep_a_norm():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Shape", ["a"], ["s"]),
        normalize("a", "n", "y"),
        helper.make_node("Cast", ["s"], ["z"], to=TensorProto.FLOAT),
    ]
    whole = model(nodes, {"w": weights(4, 3, 3, 3), **norm("n", 4)}, y=4, z=1)
    before = answers(whole)
    fold_norms(whole.graph)
    assert "BatchNormalization" not in operators(whole)
    after = answers(whole)
    np.testing.assert_allclose(after[0], before[0], atol=1e-5)
    assert after[1].tolist() == before[1].tolist() == [2, 4, 6, 8]


@pytest.mark.parametrize("other", [("Relu", ["a"]), ("Conv", ["x", "w"])], ids=["output", "weights"])
def test_norm_stays_where_something_else_needs_what_is_before_it(other):
    operator, inputs = other
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        normalize("a", "n", "y"),
        helper.make_node(operator, inputs, ["z"]),
    ]
    whole = model(nodes, {"w": weights(4, 3, 3, 3), **norm("n", 4)}, y=4, z=4)
    before = answers(whole)
    fold_norms(whole.graph)
    assert "BatchNormalization" in operators(whole)
    for found, expected in zip(answers(whole), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_two_norms_that_share_their_constants_fold_both():
    nodes = [
        helper.make_node("Conv", ["x", "v"], ["a"]),
        normalize("a", "n", "b"),
        helper.make_node("Conv", ["x", "w"], ["c"]),
        normalize("c", "n", "d"),
        helper.make_node("Add", ["b", "d"], ["y"]),
    ]
    whole = model(nodes, {"v": weights(4, 3, 3, 3), "w": weights(4, 3, 3, 3), **norm("n", 4)}, y=4)
    before = answers(whole)
    fold_norms(whole.graph)
    assert operators(whole) == ["Conv", "Conv", "Add"]
    np.testing.assert_allclose(answers(whole)[0], before[0], atol=1e-5)
