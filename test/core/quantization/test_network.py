"""The networks of a model file, taken out and put back."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from dfs_core.artifact import Artifact
from dfs_core.errors import ArtifactError
from dfs_core.labels import CAMVID_11
from dfs_core.quantization.network import put_back, take_out

SOURCE = Path("model.onnx")
OTHER = Artifact("other", CAMVID_11, network_width=96)


def run(model, names, inputs):
    return onnxruntime.InferenceSession(model.SerializeToString()).run(names, inputs)


def test_taken_out_they_say_of_a_low_resolution_frame_what_the_file_says(model):
    frame = np.random.default_rng(1).integers(0, 256, (2, 64, 96, 3)).astype(np.uint8)
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    names = ["low_resolution", "restoration"]
    watched.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in names)
    *expected, low_resolution, restoration = run(watched, ["mask", "fog_density", *names], {"frames": frame})
    found = run(take_out(model, source=SOURCE), ["mask", "fog_density", "restoration"], {names[0]: low_resolution})
    for one, other in zip(found, [*expected, restoration], strict=True):
        np.testing.assert_array_equal(one, other)


def test_put_back_the_file_says_what_it_said_before(model):
    frame = np.random.default_rng(1).integers(0, 256, (1, 70, 110, 3)).astype(np.uint8)
    whole = put_back(model, take_out(model, source=SOURCE), OTHER)
    assert {entry.key: entry.value for entry in whole.metadata_props} == OTHER.to_metadata()
    for one, other in zip(run(whole, None, {"frames": frame}), run(model, None, {"frames": frame}), strict=True):
        np.testing.assert_array_equal(one, other)


def test_each_operator_set_is_named_once(model):
    whole = put_back(model, take_out(model, source=SOURCE), OTHER)
    assert [(entry.domain, entry.version) for entry in whole.opset_import] == [("", 18)]


DAMAGE = {
    "an operator that there is not": lambda graph: graph.node.add(op_type="Transmogrify", input=["x"], output=["y"]),
    "weights that do not fit": lambda graph: graph.initializer[0].dims.__setitem__(1, graph.initializer[0].dims[1] + 1),
    "a tensor that nobody makes": lambda graph: graph.node[-1].input.__setitem__(0, "nothing"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_networks_are_not_put_back(model, damage):
    networks = take_out(model, source=SOURCE)
    DAMAGE[damage](networks.graph)
    with pytest.raises(
        ArtifactError, match=r"other: not written, because its graph is not valid \(.+\); .*`dfs export`"
    ):
        put_back(model, networks, OTHER)


def test_networks_that_look_past_the_cut_are_refused(model):
    node = next(node for node in model.graph.node if node.output[0].endswith("dehazed_small"))
    model.graph.node.insert(0, onnx.helper.make_node("ReduceMean", ["planes"], ["of_frames"], keepdims=0))
    first = next(index for index, other in enumerate(model.graph.node) if "planes" in other.output)
    model.graph.node.insert(first + 1, model.graph.node.pop(0))
    node.input[1] = "of_frames"
    with pytest.raises(ArtifactError, match=r"model.onnx: its networks look past 'low_resolution'"):
        take_out(model, source=SOURCE)


def test_file_without_cut_points_is_refused(model):
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == "restoration":
                    names[index] = "something_else"
    with pytest.raises(ArtifactError, match=r"has no tensor 'restoration'.*`dfs export`"):
        take_out(model, source=SOURCE)
