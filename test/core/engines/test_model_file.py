"""A model file is read as it is now, and refused when TensorRT cannot take it."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from dfs_core.engines.model_file import read_model
from dfs_core.errors import ArtifactError, EngineError


def test_the_digest_is_that_of_the_content(model_path):
    model = read_model(model_path)
    assert model.content == model_path.read_bytes()
    assert (model.precision, model.sides) == ("fp32", (None, None, None))


def test_sha256_of_a_known_text(model):
    # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert replace(model, content=b"abc").sha256 == expected


def test_a_builder_is_given_convolutions_for_the_matrix_products_of_older_files(tmp_path, model_path):
    older = onnx.load(model_path)
    older.graph.node.append(onnx.helper.make_node("Gemm", ["x", "w"], ["y"]))
    older.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((2, 3), np.float32), "w"))
    onnx.save(older, tmp_path / "older.onnx")
    model = read_model(tmp_path / "older.onnx")
    assert model.content == (tmp_path / "older.onnx").read_bytes()
    given = [node.op_type for node in onnx.load_from_string(model.graph()).graph.node]
    assert given[-3:] == ["Unsqueeze", "Conv", "Squeeze"]


def test_sides_that_the_file_fixes_are_found(model_path, tmp_path):
    fixed = onnx.load(model_path)
    sides = fixed.graph.input[0].type.tensor_type.shape.dim
    sides[1].dim_value, sides[2].dim_value = 720, 1280
    onnx.save(fixed, tmp_path / "fixed.onnx")
    assert read_model(tmp_path / "fixed.onnx").sides == (None, 720, 1280)


def test_what_was_quantised_for_processors_is_refused(write_model, tmp_path):
    path = write_model(tmp_path / "cpu.onnx", precision="int8", quantized_for="cpu")
    with pytest.raises(
        EngineError, match=r"cpu\.onnx was quantised for 'cpu', in a way that TensorRT refuses; .*--target tensorrt"
    ):
        read_model(path)


def test_what_was_quantised_for_tensorrt_is_taken(write_model, tmp_path):
    path = write_model(tmp_path / "gpu.onnx", precision="int8", quantized_for="tensorrt")
    assert read_model(path).precision == "int8"


def test_what_is_not_there_or_no_model_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"nothing\.onnx: cannot be opened"):
        read_model(tmp_path / "nothing.onnx")
    (tmp_path / "text.onnx").write_text("no model\n" * 9)
    with pytest.raises(ArtifactError, match=r"text\.onnx"):
        read_model(tmp_path / "text.onnx")
