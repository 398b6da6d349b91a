"""The real builder refuses what it cannot build, and each refusal comes with its cure."""

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper, numpy_helper

from dfs_core.engines.build import build
from dfs_core.engines.messages import LENGTH, explain, message_log
from dfs_core.engines.model_file import ModelFile
from dfs_core.engines.profile import Profile
from dfs_core.engines.target import Target
from dfs_core.errors import EngineError

PROFILE = Profile((1, 32, 32), (1, 64, 64), (1, 128, 128))
AMPERE, TURING, ADA_AND_AMPERE = Target("", ((8, 6),)), Target("", ((7, 5),)), Target("", ((8, 6), (8, 9)))

HEAD = """
<ir_version: 10, opset_import: ["" : 21]>
graph (uint8[N, H, W, 3] frames) => (float[N, c, h, w] y)
"""
TRANSPOSED_IN_BFLOAT16 = """{
  pixels = Cast <to = 16> (frames)
  x = Transpose <perm = [0, 3, 1, 2]> (pixels)
  w = Cast <to = 16> (w32)
  wide = ConvTranspose <strides = [2, 2]> (x, w)
  y = Cast <to = 1> (wide)
}"""
CONVOLUTION = """{
  pixels = Cast <to = 1> (frames)
  x = Transpose <perm = [0, 3, 1, 2]> (pixels)
  y = Conv (x, w32)
}"""
GEMM = """{
  x = Cast <to = 1> (frames)
  y = MatMul (x, w32)
}"""
QUANTISED = """{
  pixels = Cast <to = 1> (frames)
  x = Transpose <perm = [0, 3, 1, 2]> (pixels)
  x8 = QuantizeLinear (x, scale, zero)
  xd = DequantizeLinear (x8, scale, zero)
  wd = DequantizeLinear <axis = 0> (w8, w_scale, w_zero)
  y = Conv (xd, wd)
}"""
WITH_INT32_BIAS = QUANTISED.replace(
    "y = Conv (xd, wd)", "b = DequantizeLinear <axis = 0> (b32, w_scale)\n  y = Conv (xd, wd, b)"
)
IN_FP8 = """{
  pixels = Cast <to = 1> (frames)
  x = Transpose <perm = [0, 3, 1, 2]> (pixels)
  x8 = QuantizeLinear (x, scale, zero)
  xd = DequantizeLinear (x8, scale, zero)
  w8 = QuantizeLinear (w32, scale, zero)
  wd = DequantizeLinear (w8, scale, zero)
  y = Conv (xd, wd)
}"""
OF_SOME_SIZES = """{
  pixels = Cast <to = 1> (frames)
  x = Transpose <perm = [0, 3, 1, 2]> (pixels)
  halves = Constant <value = int64[4] {0, 0, -1, 2000}> ()
  y = Reshape (x, halves)
}"""


def graph(body, **constants):
    """Return a graph as the builder is given it; it takes frames, as a model file does."""
    model = onnx.parser.parse_model(HEAD + body)
    for name, value in constants.items():
        tensor = value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(value, name)
        model.graph.initializer.append(tensor)
    return ModelFile(Path("graph.onnx"), model.SerializeToString(), "fp32", (None, None, None))


def weights(dtype=np.float32):
    """Return a 1x1 convolution from 3 channels to 4."""
    return (20 * np.random.default_rng(0).normal(size=(4, 3, 1, 1))).astype(dtype)


def quantised(zero, **more):
    """Return the constants of `QUANTISED`."""
    scales = {"scale": np.float32(0.1), "w_scale": np.full(4, 0.01, np.float32), "w_zero": np.zeros(4, np.int8)}
    return {**scales, "zero": zero, "w8": weights(np.int8), **more}


def fp8(name):
    """Return zero as an 8-bit float."""
    return helper.make_tensor(name, TensorProto.FLOAT8E4M3FN, [], [0.0])


REFUSALS = {
    "transposed convolution in bfloat16": (
        graph(TRANSPOSED_IN_BFLOAT16, w32=np.ones((3, 4, 2, 2), np.float32)),
        AMPERE,
        r"cannot build its engine for sm86: .*no transposed convolutions in bfloat16: export with --precision fp16",
    ),
    "float32 on Turing": (
        graph(GEMM, w32=np.ones((3, 8), np.float32)),
        TURING,
        r"for sm75: .*FP32 GEMM is not supported.*; Turing \(sm75\) lacks",
    ),
    "zero point": (
        graph(QUANTISED, **quantised(np.int8(3))),
        AMPERE,
        r"cannot read this graph: QuantizeLinear: .*Non-zero zero point.*; .*`dfs quantize MODEL --target tensorrt ",
    ),
    "bias in 32 bits": (
        graph(WITH_INT32_BIAS, **quantised(np.int8(0), b32=np.zeros(4, np.int32))),
        AMPERE,
        r"cannot read this graph: DequantizeLinear: .*Int32.*; .*`dfs quantize MODEL --target tensorrt ",
    ),
    "fp8 before Ada": (
        graph(IN_FP8, w32=weights(), scale=np.float32(0.1), zero=fp8("zero")),
        ADA_AND_AMPERE,
        r"for sm86, sm89: .*; fp8 needs sm89 or later",
    ),
    "sizes that the network does not take": (
        graph(OF_SOME_SIZES),
        AMPERE,
        r"violate shape constraints.*; the network does not take all the sizes of the profile",
    ),
    "unknown operator": (graph(CONVOLUTION.replace("Conv", "Transmogrify"), w32=weights()), AMPERE, "Transmogrify"),
    "noise": (
        ModelFile(Path("noise.onnx"), np.random.default_rng(0).bytes(1000), "fp32", (None, None, None)),
        AMPERE,
        r"noise\.onnx: tensorrt_rtx 1\S+ cannot read this graph: .+",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_of_the_builder_comes_with_its_cure(refusal, tensorrt):
    model, target, words = REFUSALS[refusal]
    with pytest.raises(EngineError, match=words):
        build(model, PROFILE, target, tensorrt=tensorrt)


def test_a_workspace_that_is_too_small_is_answered_with_its_option(model, tensorrt):
    with pytest.raises(
        EngineError, match=r"(?i)workspace.*; the workspace is too small .* give more with --workspace-mb"
    ):
        build(model, PROFILE, AMPERE, tensorrt=tensorrt, workspace_mb=0)


# What a GPU would have to be there for; the first two are as reported in issues of NVIDIA/TensorRT.
@pytest.mark.parametrize(
    ("message", "cure"),
    [
        ("Error Code 10: Internal Error (Could not find any implementation for node Conv_9.)", "--workspace-mb"),
        ("Error Code 2: OutOfMemory (Requested size was 4294967296 bytes.)", "too little memory"),
        ("Cuda Runtime (cudaError 35: CUDA driver version is insufficient)", "`nvidia-smi`"),
    ],
)
def test_what_only_a_gpu_shows_has_a_cure_too(message, cure):
    assert cure in explain([message])


def test_what_no_cure_is_known_for_is_shown_as_it_is():
    assert explain(["Something\n  went wrong", "Something went wrong", "And more"]) == "Something went wrong | And more"


def test_long_messages_are_cut():
    assert explain(["x" * 1000]) == "x" * LENGTH + "…"


def test_silence_is_said():
    assert explain([]) == "it does not say why"


def test_that_there_is_no_gpu_does_not_hide_the_reason():
    noise = "[checkMacros.cpp::catchCudaError::250] Error Code 1: Cuda Runtime (In x (cudaError 35: CUDA driver))"
    assert explain([noise, f"The reason {noise}", noise]) == "The reason"
    assert "`nvidia-smi`" in explain([noise])


def test_a_package_has_one_logger(tensorrt):
    assert message_log(tensorrt) is message_log(tensorrt)


def test_errors_belong_to_what_is_done_while_they_come(tensorrt):
    log, severity = message_log(tensorrt), tensorrt.ILogger.Severity
    log.log(severity.ERROR, "nobody asks")
    with log.collecting() as outer:
        with log.collecting() as empty:
            pass
        with log.collecting() as inner:
            log.log(severity.ERROR, "of both")
            log.log(severity.WARNING, "no error")
        log.log(severity.INTERNAL_ERROR, "of the outer")
    log.log(severity.ERROR, "too late")
    assert (outer, inner, empty) == (["of both", "of the outer"], ["of both"], [])


def test_what_was_said_of_an_earlier_build_is_not_said_of_this_one(tensorrt):
    model, target, words = REFUSALS["float32 on Turing"]
    for _ in range(2):
        with pytest.raises(EngineError, match=words):
            build(model, PROFILE, target, tensorrt=tensorrt)
    model, target, words = REFUSALS["sizes that the network does not take"]
    with pytest.raises(EngineError, match=words) as caught:
        build(model, PROFILE, target, tensorrt=tensorrt)
    assert "GEMM" not in str(caught.value)
