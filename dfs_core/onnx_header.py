"""What an ONNX file says of itself, read without the onnx package, whose import is a tenth of a vehicle's start.

An ONNX file is a protocol buffer: numbered fields one after another, some of them such messages themselves. Those that
are asked for here are looked into, by the numbers that onnx.proto gives them; all else, weights above all, is passed
over.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_WIDTHS = {_FIXED_64: 8, _FIXED_32: 4}
_LONGEST_VARINT = 10
_DEEPEST = 50
"""Graphs within graphs that are followed."""

_MODEL_GRAPH, _MODEL_METADATA, _ENTRY_KEY, _ENTRY_VALUE = 7, 14, 1, 2
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_SPARSE_INITIALIZER = 1, 5, 11, 12, 15
_NODE_ATTRIBUTE, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE_TENSORS = 5, (5, 10), (6, 11), (22, 23)
_VALUE_NAME, _VALUE_TYPE, _TYPE_TENSOR, _TENSOR_TYPE_ELEMENT = 1, 2, 1, 1
_TENSOR_NAME, _TENSOR_LOCATION, _EXTERNAL, _SPARSE_TENSOR_PARTS = 8, 14, 1, (1, 2)

_ELEMENTS = (
    *("undefined", "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool"),
    *("float16", "double", "uint32", "uint64", "complex64", "complex128", "bfloat16"),
)


class HeaderError(ValueError):
    """What was read is no ONNX file, or only the beginning of one."""


@dataclass(frozen=True)
class Header:
    """What a file takes, gives and says.

    Attributes:
        metadata: its `metadata_props`.
        inputs: element type of what its graph takes, by name, such as "uint8"; weights are not among them.
        outputs: element type of what it gives, by name.
        keeps_data_elsewhere: whether any constant lies in another file.
    """

    metadata: dict[str, str]
    inputs: dict[str, str]
    outputs: dict[str, str]
    keeps_data_elsewhere: bool


def read_header(content: bytes) -> Header:
    """Return the header of a file.

    Args:
        content: all of the file.

    Raises:
        HeaderError: it is not an ONNX file.
    """
    model = memoryview(content)
    graphs = list(_parts(model, _MODEL_GRAPH))
    weights = {_text(tensor, _TENSOR_NAME) for graph in graphs for tensor in _parts(graph, _GRAPH_INITIALIZER)}
    inputs = dict(_described(value) for graph in graphs for value in _parts(graph, _GRAPH_INPUT))
    return Header(
        metadata={_text(entry, _ENTRY_KEY): _text(entry, _ENTRY_VALUE) for entry in _parts(model, _MODEL_METADATA)},
        inputs={name: kind for name, kind in inputs.items() if name not in weights},  # older exporters list them
        outputs=dict(_described(value) for graph in graphs for value in _parts(graph, _GRAPH_OUTPUT)),
        keeps_data_elsewhere=any(
            _number(tensor, _TENSOR_LOCATION) == _EXTERNAL for graph in graphs for tensor in _tensors(graph)
        ),
    )


def _described(value: memoryview) -> tuple[str, str]:
    """Return name and element type of what a graph takes or gives."""
    element = 0
    for kind in _parts(value, _VALUE_TYPE):
        for tensor in _parts(kind, _TYPE_TENSOR):
            element = _number(tensor, _TENSOR_TYPE_ELEMENT)
    return _text(value, _VALUE_NAME), _ELEMENTS[element] if element < len(_ELEMENTS) else f"type {element}"


def _tensors(graph: memoryview, depth: int = 0) -> Iterator[memoryview]:
    """Yield every constant of a graph, those inside its nodes and their branches too."""
    if depth > _DEEPEST:
        raise HeaderError(f"more than {_DEEPEST} graphs lie within each other")
    yield from _parts(graph, _GRAPH_INITIALIZER)
    for sparse in _parts(graph, _GRAPH_SPARSE_INITIALIZER):
        yield from _parts(sparse, *_SPARSE_TENSOR_PARTS)
    for node in _parts(graph, _GRAPH_NODE):
        for attribute in _parts(node, _NODE_ATTRIBUTE):
            yield from _parts(attribute, *_ATTRIBUTE_TENSORS)
            for sparse in _parts(attribute, *_ATTRIBUTE_SPARSE_TENSORS):
                yield from _parts(sparse, *_SPARSE_TENSOR_PARTS)
            for branch in _parts(attribute, *_ATTRIBUTE_GRAPHS):
                yield from _tensors(branch, depth + 1)


def _parts(message: memoryview, *numbers: int) -> Iterator[memoryview]:
    """Yield the messages, texts or bytes in some fields of a message."""
    for number, value in _fields(message):
        if number in numbers:
            if isinstance(value, int):
                raise HeaderError(f"field {number} holds a number where onnx.proto has none")
            yield value


def _text(message: memoryview, number: int) -> str:
    """Return the text in a field of a message; nothing where it has no such field."""
    text = b""
    for part in _parts(message, number):
        text = bytes(part)
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise HeaderError(f"field {number} holds no text ({error})") from error


def _number(message: memoryview, number: int) -> int:
    """Return the number in a field of a message; 0 where it has no such field."""
    found = 0
    for field, value in _fields(message):
        if field == number:
            if not isinstance(value, int):
                raise HeaderError(f"field {number} holds no number where onnx.proto has one")
            found = value
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field of a message."""
    at, size = 0, len(message)
    while at < size:
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise HeaderError(f"a field without number before byte {at}")
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _BYTES:
            width, at = _varint(message, at)
        elif (width := _WIDTHS.get(wire, 0)) == 0:
            raise HeaderError(f"a field of kind {wire} at byte {at}")
        if at + width > size:
            raise HeaderError(f"field {number} at byte {at} has {width} bytes, of which {size - at} are there")
        yield number, message[at : at + width]
        at += width


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at a byte, seven bits a byte, and where the next field begins."""
    value = 0
    for index, byte in enumerate(message[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise HeaderError(f"a number at byte {at} does not end")
