"""Engines are really built, for GPUs that this machine need not have."""

import re
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from dfs_core import artifact
from dfs_core.engines.build import build
from dfs_core.engines.ending import end_builds
from dfs_core.engines.flavour import import_tensorrt
from dfs_core.engines.model_file import ModelFile, read_model
from dfs_core.engines.profile import Profile, choose_profile
from dfs_core.engines.target import Target
from dfs_core.errors import BuildEndedError, EngineError
from dfs_core.runtime.loading import SHIPPED_MODEL

SMALL = Profile((1, 64, 64), (1, 96, 128), (2, 192, 256))
AMPERE = Target("", ((8, 6),))

ASKED = {
    "static": {},
    "dynamic size": {"largest": (None, 2160, 3840)},
    "dynamic batch": {"usual": (4, 1080, 1920), "largest": (8, 1080, 1920)},
}
TARGETS = {
    "portable": Target(),
    "sm75, sm86, sm89, sm120": Target("", ((7, 5), (8, 6), (8, 9), (12, 0))),
}
"""One target that cannot be built for fails the whole list, so that a list proves each."""


def in_fp16(networks):
    from dfs_core.export.half import to_half

    to_half(networks)
    return networks


def in_int8(networks):
    from dfs_core.quantization.tensorrt import quantize

    low_resolution = np.random.default_rng(0).uniform(size=(1, 3, 272, 480)).astype(np.float32)
    return quantize(networks, [low_resolution], source=SHIPPED_MODEL)


@pytest.fixture(scope="session")
def shipped() -> dict[str, onnx.ModelProto]:
    """The shipped model in each number format."""
    from dfs_core.quantization.network import put_back, take_out

    whole, description = onnx.load(SHIPPED_MODEL), artifact.read(SHIPPED_MODEL)
    made = {"fp32": whole}
    for precision, lower in (("fp16", in_fp16), ("int8", in_int8)):
        networks = lower(take_out(whole, source=SHIPPED_MODEL))
        target = "tensorrt" if precision == "int8" else ""
        said = replace(description, precision=precision, quantized_for=target)
        made[precision] = put_back(onnx.load(SHIPPED_MODEL), networks, said)
    return made


@pytest.fixture
def shipped_file(shipped, tmp_path):
    """Return the shipped model in a number format, with or without fixed sides."""

    def make(precision: str, *, static: bool) -> ModelFile:
        model = onnx.ModelProto()
        model.CopyFrom(shipped[precision])
        if static:
            for side, length in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 720, 1280), strict=False):
                side.dim_value = length
        onnx.save(model, tmp_path / "shipped.onnx")
        return read_model(tmp_path / "shipped.onnx")

    return make


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("sizes", ASKED)
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_the_shipped_model_is_built_in_every_format_for_all_sizes_and_gpus(
    precision, sizes, target, shipped_file, tensorrt
):
    model = shipped_file(precision, static=sizes == "static")
    profile = choose_profile(model.sides, **ASKED[sizes])
    engine = build(model, profile, TARGETS[target], tensorrt=tensorrt)
    weights = sum(onnx.numpy_helper.to_array(tensor).size for tensor in onnx.load(SHIPPED_MODEL).graph.initializer)
    assert len(engine) > weights  # an engine holds its weights, in a byte each at least


def test_engines_for_several_gpus_hold_something_for_each(model, tensorrt):
    one, other = (build(model, SMALL, Target("", (kind,)), tensorrt=tensorrt) for kind in ((8, 6), (8, 9)))
    both = build(model, SMALL, Target("", ((8, 6), (8, 9))), tensorrt=tensorrt)
    assert len({one, other, both}) == 3


def test_progress_names_its_steps_and_ends_at_the_whole(model, tensorrt):
    told = []

    def on_progress(step, share):
        told.append((step, share))
        return True

    build(model, SMALL, AMPERE, tensorrt=tensorrt, on_progress=on_progress)
    steps, shares = zip(*told, strict=True)
    assert all(re.fullmatch(r"[A-Z][\w ]+", step) for step in steps)
    assert list(shares) == sorted(shares)
    assert 0 < shares[0] < 0.5
    assert shares[-1] > 0.8


def test_a_build_can_be_ended(model, tensorrt):
    calls = []

    def stop(step, share):
        calls.append(step)
        return False

    with pytest.raises(EngineError, match=r"small\.onnx: the build of its engine was ended before it was whole"):
        build(model, SMALL, AMPERE, tensorrt=tensorrt, on_progress=stop)
    assert len(calls) == 1


def test_builds_that_are_under_way_are_ended_from_elsewhere_and_later_ones_are_not(model, tensorrt):
    calls = []

    def end_all(step, share):
        calls.append(step)
        end_builds()
        return True

    with pytest.raises(BuildEndedError, match=r"small\.onnx: the build of its engine was ended"):
        build(model, SMALL, AMPERE, tensorrt=tensorrt, on_progress=end_all)
    assert len(calls) <= 2  # the step that ended it, and one of another thread at most
    assert build(model, SMALL, AMPERE, tensorrt=tensorrt)


def test_an_error_in_what_is_told_ends_the_build_and_is_raised(model, tensorrt):
    def fail(step, share):
        raise ValueError(f"cannot show {step}")

    with pytest.raises(ValueError, match="cannot show "):
        build(model, SMALL, AMPERE, tensorrt=tensorrt, on_progress=fail)


def no_outputs():
    """Return a graph that does something, of which nothing comes out."""
    graph = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 18]> some (uint8[N, H, W, 3] frames) => (float[N, H, W, 3] y) '
        "{ y = Cast <to = 1> (frames) }"
    )
    del graph.graph.output[:]
    return graph.SerializeToString()


@pytest.mark.parametrize("content", [b"", no_outputs()], ids=["empty file", "no outputs"])
def test_a_graph_of_which_nothing_comes_out_is_refused_though_the_parser_takes_it(content, tensorrt):
    log = tensorrt.Logger()
    network = tensorrt.Builder(log).create_network(1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = tensorrt.OnnxParser(network, log)
    assert parser.parse(content)
    assert (parser.num_errors, network.num_outputs) == (0, 0)
    nothing = ModelFile(Path("nothing.onnx"), content, "fp32", (None, None, None))
    with pytest.raises(
        EngineError, match=r"nothing\.onnx: tensorrt_rtx 1\S+ cannot read this graph: the file holds no graph that"
    ):
        build(nothing, SMALL, AMPERE, tensorrt=tensorrt)


def test_a_profile_that_the_file_does_not_take_is_refused(shipped_file, tensorrt):
    with pytest.raises(EngineError, match=r"has static dimensions .*; the network does not take all the sizes"):
        build(shipped_file("fp32", static=True), SMALL, AMPERE, tensorrt=tensorrt)


@pytest.mark.parametrize("ends", ["fails", "is ended", "is broken off"])
def test_a_build_that_does_not_succeed_keeps_nothing_of_the_builder_in_its_traceback(ends, model, tensorrt):
    def on_progress(step, share):
        if ends == "is broken off":
            raise EngineError("no display")
        return False

    with pytest.raises(EngineError) as caught:
        build(
            model, SMALL, AMPERE, tensorrt=tensorrt, workspace_mb=0 if ends == "fails" else 64, on_progress=on_progress
        )
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    names = {name for frame in frames for name in frame.f_locals}
    assert {"self", "threads"} & names  # the frames are those of the build
    assert {"builder", "network", "parser", "config", "plan", "monitor"} & names == set()


def test_a_missing_package_is_named_with_what_installs_it():
    with pytest.raises(EngineError, match=r"no_such_package not installed; run `pip install tensorrt`"):
        import_tensorrt("no_such_package")
