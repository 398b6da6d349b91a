"""The header of ONNX files, held to what the onnx package reads."""

import pathlib

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from dfs_core.onnx_header import HeaderError, read_header
from dfs_core.runtime.loading import WEIGHTS

SHIPPED = sorted(WEIGHTS.glob("*.onnx"))


def small_model(*, branch_tensor: TensorProto | None = None) -> onnx.ModelProto:
    """Return a model with a weight among its inputs, a branch within a node, and a line of metadata."""
    tensor = branch_tensor or numpy_helper.from_array(np.zeros(2, np.float32), "zeros")
    given_out = helper.make_tensor_value_info("chosen", TensorProto.FLOAT, [2])
    branch = helper.make_graph([helper.make_node("Constant", [], ["chosen"], value=tensor)], "branch", [], [given_out])
    node = helper.make_node("If", ["question"], ["answer"], then_branch=branch, else_branch=branch)
    inputs = [
        helper.make_tensor_value_info("question", TensorProto.BOOL, []),
        helper.make_tensor_value_info("weight", TensorProto.FLOAT16, [300]),
    ]
    outputs = [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [2])]
    weight = numpy_helper.from_array(np.arange(300, dtype=np.float16), "weight")
    model = helper.make_model(helper.make_graph([node], "small", inputs, outputs, [weight]))
    helper.set_model_props(model, {"author": "Zoë", "empty": ""})
    return model


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_models_say_what_onnx_reads(path: pathlib.Path):
    model, header = onnx.load(path), read_header(path.read_bytes())
    assert header.metadata == {entry.key: entry.value for entry in model.metadata_props}
    for found, values in ((header.inputs, model.graph.input), (header.outputs, model.graph.output)):
        kinds = {value.name: value.type.tensor_type.elem_type for value in values}
        assert found == {name: TensorProto.DataType.Name(kind).lower() for name, kind in kinds.items()}
    assert not header.keeps_data_elsewhere


def test_there_is_a_shipped_model():
    assert SHIPPED


def test_weights_are_no_inputs_and_text_is_text():
    header = read_header(small_model().SerializeToString())
    assert header.metadata == {"author": "Zoë", "empty": ""}
    assert header.inputs == {"question": "bool"}
    assert header.outputs == {"answer": "float"}
    assert not header.keeps_data_elsewhere


def test_data_of_another_file_is_found_in_a_branch():
    tensor = numpy_helper.from_array(np.zeros(2, np.float32), "zeros")
    tensor.data_location = TensorProto.EXTERNAL
    assert read_header(small_model(branch_tensor=tensor).SerializeToString()).keeps_data_elsewhere


@pytest.mark.parametrize("name", ["FLOAT", "UINT8", "INT64", "BOOL", "FLOAT16", "DOUBLE", "BFLOAT16"])
def test_element_types_have_the_names_of_onnx(name):
    model = small_model()
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DataType.Value(name)
    assert read_header(model.SerializeToString()).outputs == {"answer": name.lower()}


def test_element_type_that_came_later_is_told_by_its_number():
    model = small_model()
    model.graph.output[0].type.tensor_type.elem_type = 99
    assert read_header(model.SerializeToString()).outputs == {"answer": "type 99"}


@given(st.integers(0, 10_000))
def test_the_beginning_of_a_file_is_refused_or_lacks_its_end(size):
    whole = small_model().SerializeToString()
    part = whole[: size % len(whole)]
    try:
        header = read_header(part)
    except HeaderError:
        return
    assert header.metadata != read_header(whole).metadata


@given(st.binary(max_size=200) | st.tuples(st.integers(0, 10_000), st.integers(1, 255)))
def test_anything_else_is_read_or_refused(damage):
    content = damage
    if isinstance(damage, tuple):
        content = bytearray(small_model().SerializeToString())
        content[damage[0] % len(content)] ^= damage[1]
        content = bytes(content)
    try:
        read_header(content)
    except HeaderError:
        return


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x00\x00", "a field without number"),
        (b"\x3b", "a field of kind 3"),
        (b"\x3a\x05abc", "field 7 at byte 2 has 5 bytes, of which 3 are there"),
        (b"\x08" + b"\xff" * 11, "a number at byte 1 does not end"),
    ],
)
def test_what_onnx_refuses_is_refused(content, words):
    with pytest.raises(HeaderError, match=words):
        read_header(content)
    with pytest.raises(DecodeError):
        onnx.load_from_string(content)


def test_number_in_place_of_a_graph_is_refused():
    with pytest.raises(HeaderError, match="field 7 holds a number where onnx"):
        read_header(b"\x38\x01")


def test_graphs_within_graphs_have_an_end():
    graph = b""
    for _ in range(2000):
        attribute = _field(6, graph)
        graph = _field(1, _field(5, attribute))
    with pytest.raises(HeaderError, match="more than 50 graphs lie within each other"):
        read_header(_field(7, graph))


def _field(number: int, value: bytes) -> bytes:
    """Return a field that holds bytes, as protocol buffers have it."""
    size, length = len(value), b""
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + value
