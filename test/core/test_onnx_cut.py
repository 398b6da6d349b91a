"""The networks of a model file, cut out of it."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from dfs_core.onnx_cut import between_cut_points
from dfs_core.runtime.loading import WEIGHTS

SHIPPED = sorted(WEIGHTS.glob("*.onnx"))


def session(model):
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_networks_say_alone_what_they_say_within(path):
    whole = onnx.load(path)
    part = between_cut_points(whole)
    onnx.checker.check_model(part)
    names = ["low_resolution", "restoration", "mask", "fog_density", "scores"]
    kinds = [TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.UINT8, TensorProto.FLOAT, TensorProto.FLOAT]
    del whole.graph.output[:]
    whole.graph.output.extend(
        helper.make_tensor_value_info(name, kind, None) for name, kind in zip(names, kinds, strict=True)
    )
    frames = np.random.default_rng(0).integers(0, 256, (2, 60, 96, 3), np.uint8)
    low_resolution, *expected = session(whole).run(names, {"frames": frames})
    found = session(part).run(names[1:], {"low_resolution": low_resolution})
    for index in (0, 2, 3):  # coefficients, density and scores
        np.testing.assert_allclose(found[index], expected[index], rtol=1e-3, atol=1e-3 if index == 3 else 1e-5)
    assert np.mean(found[1] == expected[1]) >= 0.999


def test_networks_without_frames_around_them_are_smaller():
    whole = onnx.load(SHIPPED[0])
    part = between_cut_points(whole)
    assert {value.name for value in part.graph.input} == {"low_resolution"}
    made = {name for node in part.graph.node for name in node.output}
    assert made.isdisjoint({"frames", "planes", "low_resolution", "dehazed"})


def test_networks_of_older_files_give_no_scores():
    whole = onnx.load(SHIPPED[0])
    for node in whole.graph.node:
        for names in (node.input, node.output):
            names[:] = ["other" if name == "scores" else name for name in names]
    assert {value.name for value in between_cut_points(whole).graph.output} == {"restoration", "mask", "fog_density"}


def test_a_branch_within_the_networks_is_not_cut():
    whole = onnx.load(SHIPPED[0])
    node = next(node for node in whole.graph.node if node.output[0] == "fog_density")
    node.attribute.append(helper.make_attribute("branch", helper.make_graph([], "empty", [], [])))
    assert between_cut_points(whole) is None
