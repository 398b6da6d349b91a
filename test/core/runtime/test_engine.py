"""Engines are really built, for GPUs that this machine need not have."""

import numpy as np
import onnx
import pytest

from dfs_core.engine import Profile, build, import_tensorrt
from dfs_core.errors import BackendError

pytest.importorskip("tensorrt_rtx", reason="tensorrt_rtx, which builds engines without a GPU, is not installed")

AMPERE = (8, 6)


@pytest.fixture(scope="module")
def tensorrt():
    return import_tensorrt("tensorrt_rtx")


def test_an_engine_is_built_for_a_gpu_that_is_not_here(tensorrt, model_path):
    steps = []

    def on_progress(phase, done, total):
        steps.append((phase, done, total))
        return True

    engine = build(model_path, Profile(), tensorrt=tensorrt, compute_capability=AMPERE, on_progress=on_progress)
    assert len(engine) > 10_000
    assert steps
    assert all(phase and 1 <= done <= total for phase, done, total in steps)


def test_engines_for_other_gpus_and_sizes_are_others(tensorrt, model_path):
    small = Profile((1, 64, 64), (1, 128, 128), (2, 256, 256))
    ampere = build(model_path, small, tensorrt=tensorrt, compute_capability=AMPERE)
    ada = build(model_path, small, tensorrt=tensorrt, compute_capability=(8, 9))
    assert ampere != ada


def test_a_build_can_be_ended(tensorrt, model_path):
    calls = []

    def stop(phase, done, total):
        calls.append(phase)
        return False

    with pytest.raises(BackendError, match=r"test_model\.onnx: the build of its engine was ended"):
        build(model_path, Profile(), tensorrt=tensorrt, compute_capability=AMPERE, on_progress=stop)
    assert calls


@pytest.mark.parametrize("compute_capability", [(8, 7), (9, 0), (1, 0)])
def test_a_gpu_that_cannot_be_built_for_is_answered_with_those_that_can(compute_capability, tensorrt, model_path):
    name = "SM{}{}".format(*compute_capability)
    with pytest.raises(BackendError, match=rf"tensorrt_rtx does not build for {name}, only for .*SM86"):
        build(model_path, Profile(), tensorrt=tensorrt, compute_capability=compute_capability)


@pytest.mark.parametrize(
    "profile",
    [
        Profile((1, 64, 64), (1, 32, 64), (1, 128, 128)),
        Profile((1, 64, 64), (2, 64, 64), (1, 128, 128)),
    ],
)
def test_a_profile_that_is_not_in_order_is_refused(profile, tensorrt, model_path):
    with pytest.raises(BackendError, match="from the smallest over the usual to the largest, not"):
        build(model_path, profile, tensorrt=tensorrt, compute_capability=AMPERE)


@pytest.mark.parametrize(
    ("shape", "held"), [((1, 64, 64), True), ((2, 128, 256), True), ((3, 64, 64), False), ((1, 63, 64), False)]
)
def test_a_profile_knows_what_it_holds(shape, held):
    assert Profile((1, 64, 64), (1, 64, 64), (2, 128, 256)).holds(shape) is held


def test_what_is_not_onnx_is_refused(tensorrt, tmp_path):
    path = tmp_path / "noise.onnx"
    path.write_bytes(np.random.default_rng(0).bytes(1000))
    with pytest.raises(BackendError, match=r"noise\.onnx: tensorrt_rtx cannot read this graph \(.+\)"):
        build(path, Profile(), tensorrt=tensorrt, compute_capability=AMPERE)


def test_an_operator_that_it_does_not_know_is_named(tensorrt, model, tmp_path):
    model.graph.node[1].op_type = "Transmogrify"
    onnx.save(model, tmp_path / "strange.onnx")
    with pytest.raises(BackendError, match=r"cannot read this graph \(.*Transmogrify"):
        build(tmp_path / "strange.onnx", Profile(), tensorrt=tensorrt, compute_capability=AMPERE)


def test_a_missing_package_is_named_with_what_installs_it():
    with pytest.raises(BackendError, match=r"no_such_package not installed; run `pip install tensorrt`"):
        import_tensorrt("no_such_package")
