"""The networks of a model file alone: the part between the cut points of `dfs_core.artifact`."""

from typing import TYPE_CHECKING

from dfs_core.artifact import FOG_DENSITY, FRAMES, LOW_RESOLUTION, MASK, RESTORATION, SCORES

if TYPE_CHECKING:
    from onnx import ModelProto


def between_cut_points(model: "ModelProto") -> "ModelProto | None":
    """Return the graph from `low_resolution` to `restoration`, `mask`, `fog_density` and, where it is, `scores`.

    None where it cannot run by itself: a cut point is missing or not float32, something behind the first looks at the
    frames themselves, or a graph lies within the graph.
    """
    from onnx import TensorProto, helper, shape_inference

    graph = model.graph
    kinds = {
        value.name: value.type.tensor_type.elem_type for value in shape_inference.infer_shapes(model).graph.value_info
    }
    if any(kinds.get(name) != TensorProto.FLOAT for name in (LOW_RESOLUTION, RESTORATION)):
        return None
    needed = {RESTORATION, MASK, FOG_DENSITY}
    nodes = []
    for node in reversed(graph.node):
        if LOW_RESOLUTION not in node.output and not needed.isdisjoint(node.output):
            needed.update(node.input)
            nodes.append(node)
    if FRAMES in needed or any(attribute.HasField("g") for node in nodes for attribute in node.attribute):
        return None
    made = {name for node in nodes for name in node.output}
    scores = (
        [helper.make_tensor_value_info(SCORES, TensorProto.FLOAT, ["N", "C", None, None])]
        if SCORES in made and kinds.get(SCORES) == TensorProto.FLOAT
        else []
    )
    part = helper.make_graph(
        nodes[::-1],
        graph.name,
        [helper.make_tensor_value_info(LOW_RESOLUTION, TensorProto.FLOAT, ["N", 3, "h", "w"])],
        [
            helper.make_tensor_value_info(RESTORATION, TensorProto.FLOAT, ["N", "C", "h", "w"]),
            *(value for value in graph.output if value.name in {MASK, FOG_DENSITY}),
            *scores,
        ],
        [tensor for tensor in graph.initializer if tensor.name in needed],
    )
    return helper.make_model(part, opset_imports=model.opset_import, ir_version=model.ir_version)
