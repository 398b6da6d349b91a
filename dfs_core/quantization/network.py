"""Take the networks out of a model file, and put others in their place.

They reach from `low_resolution` to `OUTPUTS`. What lies before and after, and all names, stay as they are.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dfs_core.artifact import FOG_DENSITY, LOW_RESOLUTION, MASK, RESTORATION, Artifact
from dfs_core.errors import ArtifactError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, OperatorSetIdProto

OUTPUTS = (RESTORATION, MASK, FOG_DENSITY)
"""What the networks say of a low-resolution frame."""


def take_out(model: "ModelProto", *, source: Path) -> "ModelProto":
    """Return the networks of a model file: they take `low_resolution` and give `OUTPUTS`.

    Raises:
        ArtifactError: something in them looks past `low_resolution` at the frames, or a named tensor is missing.
    """
    import onnx
    import onnx.shape_inference
    from onnx.utils import Extractor

    made = {name for node in model.graph.node for name in node.output}
    if missing := [name for name in (LOW_RESOLUTION, *OUTPUTS) if name not in made]:
        raise ArtifactError(
            f"{source}: has no tensor '{missing[0]}', between which and others its networks lie; "
            "export it again with `dfs export`"
        )
    networks = Extractor(onnx.shape_inference.infer_shapes(model)).extract_model([LOW_RESOLUTION], list(OUTPUTS))
    del networks.opset_import[:]
    networks.opset_import.extend(_operator_sets(networks.graph.node, (model,)))
    try:
        onnx.checker.check_model(networks)
    except onnx.checker.ValidationError as error:
        raise ArtifactError(
            f"{source}: its networks look past '{LOW_RESOLUTION}' at the frames themselves, so they cannot be taken "
            f"out ({str(error).splitlines()[0]}); export it again with `dfs export`"
        ) from error
    return networks


def put_back(model: "ModelProto", networks: "ModelProto", description: Artifact) -> "ModelProto":
    """Return a model file with other networks.

    Args:
        model: the whole file.
        networks: what takes `low_resolution` and gives `OUTPUTS`; no other tensor of theirs may have the name of one
            before or after them.
        description: the metadata that goes into it.

    Raises:
        ArtifactError: what comes of it is not a valid graph.
    """
    import onnx
    import onnx.shape_inference

    before, after = _around(model.graph)
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    for part in (whole.graph.node, whole.graph.initializer, whole.graph.value_info, whole.opset_import):
        del part[:]
    whole.graph.node.extend([*before, *networks.graph.node, *after])
    around = {name for node in (*before, *after) for name in node.input}
    constants = {tensor.name: tensor for tensor in model.graph.initializer if tensor.name in around}
    constants |= {tensor.name: tensor for tensor in networks.graph.initializer}
    whole.graph.initializer.extend(constants.values())
    whole.opset_import.extend(_operator_sets(whole.graph.node, (model, networks)))
    whole.graph.name = description.name
    onnx.helper.set_model_props(whole, description.to_metadata())
    try:
        onnx.checker.check_model(whole, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ArtifactError(
            f"{description.name}: not written, because its graph is not valid ({' '.join(str(error).split())}); a "
            "graph that `dfs export` wrote becomes one that is, so export it again"
        ) from error
    return whole


def _around(graph: "GraphProto") -> tuple[list["NodeProto"], list["NodeProto"]]:
    """Return the nodes that are no part of the networks: those before them, and those that need what they say."""
    producers = {name: node for node in graph.node for name in node.output}
    inner: set[str] = set()
    waiting = [*OUTPUTS]
    while waiting:
        name = waiting.pop()
        if name not in inner and name in producers and name != LOW_RESOLUTION:
            inner.update(producers[name].output)
            waiting.extend(producers[name].input)
    before: list[NodeProto] = []
    after: list[NodeProto] = []
    late = set(OUTPUTS)
    for node in graph.node:
        if node.output[0] in inner:
            continue
        if late.isdisjoint(node.input):
            before.append(node)
        else:
            after.append(node)
            late.update(node.output)
    return before, after


def _operator_sets(nodes: Iterable["NodeProto"], models: Iterable["ModelProto"]) -> list["OperatorSetIdProto"]:
    """Return the operator sets that nodes come from, each once and in the newest version that a model names."""
    from onnx import helper

    used = {"", *(node.domain for node in nodes)}
    versions: dict[str, int] = {}
    for entry in (entry for model in models for entry in model.opset_import):
        versions[entry.domain] = max(versions.get(entry.domain, 0), entry.version)
    return [helper.make_opsetid(domain, version) for domain, version in versions.items() if domain in used]
