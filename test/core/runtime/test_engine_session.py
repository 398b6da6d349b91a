"""What surrounds a network on a GPU, tried on a simulated one: memory, graphs, batches, failures.

A real GPU is needed for the rest: `test_tensorrt.py` and `benchmarks/gpu.py`.
"""

import threading
from dataclasses import replace

import numpy as np
import onnx
import pytest

from dfs_core.artifact import DEHAZED, MASK
from dfs_core.engines.cache import EngineCache
from dfs_core.engines.key import EngineKey
from dfs_core.engines.model_file import read_model
from dfs_core.engines.profile import Profile
from dfs_core.engines.target import Target
from dfs_core.errors import BackendError, FrameError
from dfs_core.runtime import load, tensorrt
from dfs_core.runtime.engine_session import LANES, SIZES

from .measure import whole
from .simulated_driver import NAME
from .simulated_tensorrt import PLAN, install_tensorrt

UPTO_FOUR = Profile((1, 1, 1), (1, 72, 128), (4, 400, 400))
STEADY = (
    "cuMemAlloc_v2", "cuMemHostRegister_v2", "cuMemHostUnregister", "cuGraphInstantiateWithFlags", "execute_async_v3",
    "cuMemFree_v2",
)  # fmt: skip
FAILED = r"^tensorrt 10\.3\.0 failed on frames of \[1, 48, 64\]"


@pytest.fixture
def keep_engine(package):
    """Put an engine for some sizes and batches into the cache."""

    def keep(path, profile=UPTO_FOUR, plan=None):
        model = read_model(path)
        key = EngineKey.of(model, package, Target(NAME.decode(), ((8, 6),)), profile)
        EngineCache().get(key, lambda: PLAN + model.content if plan is None else plan, model=path.name)

    return keep


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def same(found, expected):
    np.testing.assert_array_equal(found.dehazed, expected.dehazed)
    np.testing.assert_array_equal(found.mask, expected.mask)
    np.testing.assert_array_equal(found.fog_density, expected.fog_density)


@pytest.mark.parametrize("shape", [(1, 72, 128), (3, 97, 131), (4, 64, 64), (5, 33, 40), (9, 20, 30)])
def test_any_number_of_frames_gives_what_the_model_file_gives(shape, model_path, keep_engine):
    keep_engine(model_path)
    frames = pictures(*shape)
    with load(model_path, "tensorrt") as dehazer, whole(model_path) as reference:
        for _ in range(2):
            same(dehazer(frames), reference(frames))
        same(dehazer(frames[:, ::-1, ::2]), reference(frames[:, ::-1, ::2]))
        same(dehazer(list(frames)), reference(frames))


def test_batch_goes_in_one_run_as_far_as_the_engine_takes_it(model_path, driver, keep_engine):
    keep_engine(model_path)
    with load(model_path, "tensorrt") as dehazer:
        dehazer(pictures(4, 64, 64))
        launched = driver.calls["cuGraphLaunch"]
        dehazer(pictures(4, 64, 64))
        assert driver.calls["cuGraphLaunch"] == launched + 1
        dehazer(pictures(8, 64, 64))
        assert driver.calls["cuGraphLaunch"] == launched + 3


def test_frames_after_the_first_of_a_size_allocate_pin_and_record_nothing(model_path, driver, keep_engine):
    keep_engine(model_path)
    with load(model_path, "tensorrt") as dehazer:
        for seed in range(3):
            result = dehazer(pictures(2, 64, 96, seed=seed))
        before = {name: driver.calls[name] for name in STEADY}
        for seed in range(20):
            result = dehazer(pictures(2, 64, 96, seed=seed))
        assert result.dehazed is not None
        assert {name: driver.calls[name] for name in STEADY} == before


def test_as_many_sizes_in_turn_as_are_kept_ready_allocate_pin_and_record_nothing(model_path, driver, keep_engine):
    keep_engine(model_path)
    with load(model_path, "tensorrt") as dehazer:
        for turn in range(4):
            if turn == 2:
                before = {name: driver.calls[name] for name in STEADY}
            for height in range(40, 40 + LANES):
                result = dehazer(pictures(1, height, 64))
        assert result.dehazed is not None
        assert {name: driver.calls[name] for name in STEADY} == before


def test_only_bytes_cross_the_bus_and_only_what_is_wanted_comes_back(model_path, driver, package):
    frames = pictures(1, 72, 128)
    with load(model_path, "tensorrt") as dehazer:
        result = dehazer(frames)
        for options, expected in (
            ({}, result.dehazed.nbytes + result.mask.nbytes + 4),
            ({"dehaze": False}, result.mask.nbytes + 4),
            ({"segment": False}, result.dehazed.nbytes + 4),
            ({"dehaze": False, "segment": False}, 4),
        ):
            driver.copied.clear()
            dehazer(frames, **options)
            assert driver.copied == {"up": frames.nbytes, "down": expected}


def test_results_that_are_kept_are_not_overwritten(model_path, package):
    with load(model_path, "tensorrt") as dehazer, whole(model_path) as reference:
        frames = [pictures(1, 48, 64, seed=seed) for seed in range(12)]
        results = [dehazer(frame) for frame in frames]
        for frame, result in zip(frames, results, strict=True):
            same(result, reference(frame))


def test_dehazed_frames_are_copied_to_where_they_are_asked_for(model_path, package):
    frames = pictures(2, 40, 60)
    places = [np.empty((40, 60, 3), np.uint8), np.empty((40, 60, 3), np.uint8)[..., ::-1]]
    with load(model_path, "tensorrt") as dehazer:
        expected, found = dehazer(frames), dehazer(frames, out=places)
    assert found.dehazed is None
    np.testing.assert_array_equal(np.stack(places), expected.dehazed)


def test_results_outlive_the_model(model_path, package):
    frames = pictures(1, 48, 64)
    with load(model_path, "tensorrt") as dehazer:
        result = dehazer(frames)
    with whole(model_path) as reference:
        same(result, reference(frames))


def test_network_is_recorded_once_for_each_size_and_then_launched(model_path, driver, package):
    with load(model_path, "tensorrt") as dehazer:
        driver.calls.clear()
        for height in (32, 48):
            for _ in range(5):
                dehazer(pictures(1, height, 64))
        assert driver.calls["cuGraphInstantiateWithFlags"] == 2
        assert driver.calls["execute_async_v3"] == 2 * 2  # each: once as it is, once to be recorded
        assert driver.calls["cuGraphLaunch"] == 2 * 5


def test_network_that_cannot_be_recorded_runs_without_a_graph(model_path, driver, package, caplog):
    caplog.set_level("INFO")
    driver.capturable = False
    frames = pictures(1, 48, 64)
    with load(model_path, "tensorrt") as dehazer, whole(model_path) as reference:
        same(dehazer(frames), reference(frames))
    assert driver.calls["cuGraphLaunch"] == 0
    assert "frames of [1, 48, 64] run without a CUDA graph: cuStreamEndCapture: " in caplog.text


def test_recording_that_cannot_begin_means_no_graph_and_nothing_else(model_path, driver, package, caplog):
    caplog.set_level("INFO")
    driver.refuses = {"cuStreamBeginCapture_v2"}
    package.says["execute_async_v3"] = ["no kernel of this layer"]
    frames = pictures(1, 48, 64)
    with load(model_path, "tensorrt") as dehazer, whole(model_path) as reference:
        same(dehazer(frames), reference(frames))
    assert driver.calls["cuGraphLaunch"] == 0
    words = "frames of [1, 48, 64] run without a CUDA graph: cuStreamBeginCapture_v2: something else (CUDA error 999)\n"
    assert words in caplog.text


def test_recording_that_tensorrt_refuses_is_told_in_its_words(model_path, driver, package, caplog):
    caplog.set_level("INFO")
    driver.capturable = False
    package.says["execute_async_v3"] = ["this layer waits for the stream"]
    with load(model_path, "tensorrt"):
        pass
    assert "(CUDA error 901) | this layer waits for the stream" in caplog.text


def test_memory_that_cannot_be_pinned_serves_all_the_same(model_path, driver, package):
    driver.can_pin = False
    frames = pictures(1, 48, 64)
    with load(model_path, "tensorrt") as dehazer, whole(model_path) as reference:
        same(dehazer(frames), reference(frames))
        asked = driver.calls["cuMemHostRegister_v2"]
        dehazer(frames)
        assert driver.calls["cuMemHostRegister_v2"] == asked == 1


def test_sizes_come_and_go_without_filling_the_device(model_path, driver, package):
    with load(model_path, "tensorrt") as dehazer:
        for height in range(16, 16 + 3 * LANES):
            dehazer(pictures(1, height, 32))
        assert len(driver.graphs) == LANES
        assert len(driver.memory) == LANES * 5  # frames, three outputs, working memory


def test_sizes_come_and_go_without_filling_pinned_memory(model_path, driver, package):
    with load(model_path, "tensorrt") as dehazer:
        for height in range(16, 16 + 3 * SIZES):
            dehazer(pictures(1, height, 32))
        assert len(driver.pinned) <= 2 * SIZES  # of a size: for frames that go up, and for dehazed ones


def test_size_that_does_not_fit_is_refused_and_the_next_frame_flows(model_path, driver, package):
    with load(model_path, "tensorrt") as dehazer:
        dehazer(pictures(1, 48, 64))
        held = len(driver.memory)
        driver.room = sum(map(len, driver.memory.values())) + 10_000
        with pytest.raises(
            BackendError, match=r"cuMemAlloc_v2: out of memory \(CUDA error 2\) for 480,000 bytes; give"
        ):
            dehazer(pictures(1, 400, 400))
        assert len(driver.memory) == held
        assert dehazer(pictures(1, 48, 64)).dehazed is not None


def test_network_that_fails_is_told_and_leaves_nothing(model_path, driver, package):
    with load(model_path, "tensorrt") as dehazer:
        held = len(driver.memory)
        driver.broken = True
        with pytest.raises(BackendError, match=rf"{FAILED}; give smaller or fewer frames, .*`dfs build-engine"):
            dehazer(pictures(1, 48, 64))
        assert len(driver.memory) == held
        driver.broken = False
        assert dehazer(pictures(1, 48, 64)).dehazed is not None


def test_failure_is_told_in_tensorrts_words_and_never_in_those_of_an_earlier_one(model_path, driver, package):
    package.says["create_execution_context"] = ["of what went well in the end"]
    with load(model_path, "tensorrt") as dehazer:
        driver.broken = True
        package.says["execute_async_v3"] = ["an illegal memory access"]
        with pytest.raises(BackendError, match=rf"{FAILED}: an illegal memory access; give"):
            dehazer(pictures(1, 48, 64))
        package.says["execute_async_v3"] = []
        with pytest.raises(BackendError, match=rf"{FAILED}; give"):
            dehazer(pictures(1, 48, 64))
        package.context_error = RuntimeError("no")
        with pytest.raises(BackendError, match=r"cannot make this engine ready \(no\): of what went well in the end$"):
            dehazer(pictures(1, 48, 64))


def test_two_models_share_the_one_logger_that_tensorrt_takes(model_path, package):
    frames = pictures(1, 48, 64)
    with load(model_path, "tensorrt") as one, load(model_path, "tensorrt") as other:
        same(one(frames), other(frames))


@pytest.mark.parametrize("refused", ["cuMemcpyHtoDAsync_v2", "cuGraphLaunch", "cuMemcpyDtoHAsync_v2"])
def test_memory_is_let_go_of_only_when_no_copy_is_under_way(refused, model_path, driver, package):
    frames = pictures(1, 48, 64)
    with load(model_path, "tensorrt") as dehazer, whole(model_path) as reference:
        dehazer(frames)
        driver.refuses = {refused}
        with pytest.raises(BackendError, match=rf"^{refused}: "):
            dehazer(frames)
        assert driver.is_idle
        driver.refuses = {refused, "cuStreamSynchronize"}
        with pytest.raises(BackendError, match=rf"^{refused}: "):  # the first error, not the one that follows from it
            dehazer(frames)
        driver.refuses = set()
        same(dehazer(frames), reference(frames))


def test_outputs_of_a_size_that_only_a_run_would_tell_are_refused(model_path, package):
    package.output_shapes = {MASK: (1, -1, 128)}
    words = r"the engine's 'mask' is \[1, -1, 128\] for frames of \[1, 72, 128\]: .*; export the model file again"
    with pytest.raises(BackendError, match=words):
        load(model_path, "tensorrt")


def test_frames_beyond_the_engine_are_refused_with_the_command_that_builds_another(model_path, keep_engine):
    keep_engine(model_path)
    with load(model_path, "tensorrt") as dehazer:
        with pytest.raises(BackendError, match=r"takes frames 1x1 to 400x400.*, not 401x20; .*`dfs build-engine"):
            dehazer(pictures(1, 20, 401))
        with pytest.raises(FrameError):
            dehazer(pictures(1, 20, 30)[0])


def test_file_of_a_fixed_batch_takes_fewer_frames(model, driver, package, tmp_path):
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2
    onnx.save(model, tmp_path / "two.onnx")
    frames = pictures(3, 48, 64)
    with load(tmp_path / "two.onnx", "tensorrt") as dehazer, whole(tmp_path / "two.onnx") as reference:
        found = dehazer(frames)
        same(replace(found, **{name: getattr(found, name)[:2] for name in ("dehazed", "mask", "fog_density")}),
             reference(frames[:2]))  # fmt: skip
        np.testing.assert_array_equal(found.dehazed[2:], reference(frames[1:]).dehazed[1:])


def test_another_thread_may_take_over(model_path, package):
    frames = pictures(1, 48, 64)
    with load(model_path, "tensorrt") as dehazer, whole(model_path) as reference:
        found = []
        thread = threading.Thread(target=lambda: found.append(dehazer(frames)))
        thread.start()
        thread.join(60)
        same(found[0], reference(frames))


def test_it_has_run_before_load_returns(model_path, driver, package):
    with load(model_path, "tensorrt"):
        assert driver.calls["execute_async_v3"] == 2
    (profile,) = package.builds
    assert profile.usual == (1, 72, 128)


def test_engine_that_does_not_load_is_built_again(model_path, package, keep_engine, caplog):
    keep_engine(model_path, plan=b"of another GPU")
    with load(model_path, "tensorrt") as dehazer:
        assert dehazer(pictures(1, 48, 64)).mask is not None
    assert package.builds == [UPTO_FOUR]
    words = "tensorrt 10.3.0 cannot load this engine: IRuntime::deserializeCudaEngine: magic tag does not match"
    assert f"{words}; building its engine again" in caplog.text


def test_gpu_whose_engines_do_not_load_leaves_the_work_to_the_next_backend(model_path, package, monkeypatch, caplog):
    monkeypatch.setattr(tensorrt, "build", lambda *_, **__: b"nothing that loads")
    with load(model_path) as dehazer:
        assert dehazer.backend != "tensorrt"
    assert "not on tensorrt: tensorrt 10.3.0 cannot load this engine: IRuntime" in caplog.text


def test_error_of_the_bindings_leaves_the_work_to_the_next_backend(model_path, package, caplog):
    package.context_error = RuntimeError("no kernel image is available")
    with load(model_path) as dehazer:
        assert dehazer.backend != "tensorrt"
    words = "not on tensorrt: tensorrt 10.3.0 cannot make this engine ready (no kernel image is available)"
    assert words in caplog.text


def test_outputs_of_another_type_are_refused(model_path, package):
    package.output_types = {MASK: package.DataType.FLOAT}
    with pytest.raises(BackendError, match=r"the engine's 'mask' is DataType\.FLOAT, not DataType\.UINT8"):
        load(model_path, "tensorrt")
    package.output_types = {DEHAZED: package.DataType.FLOAT}
    with pytest.raises(BackendError, match="the engine's 'dehazed' is"):
        load(model_path, "tensorrt")


def test_tensorrt_for_rtx_records_by_itself_and_keeps_the_kernels_that_it_compiled(model_path, driver, monkeypatch):
    package = install_tensorrt(driver, monkeypatch, rtx=True)
    package.kernels = b"compiled at the first start"
    frames = pictures(1, 48, 64)
    with load(model_path, "tensorrt") as dehazer, whole(model_path) as reference:
        same(dehazer(frames), reference(frames))
        assert package.cache.content == b""
        package.kernels = b"and later"
    package.kernels = b""
    with load(model_path, "tensorrt"):
        assert package.cache.content == b"and later"
    assert driver.calls["cuStreamBeginCapture_v2"] == 0


def test_closed_model_says_so(model_path, package):
    dehazer = load(model_path, "tensorrt")
    dehazer.close()
    dehazer.close()
    with pytest.raises(BackendError, match="closed already"):
        dehazer(pictures(1, 48, 64))


def test_network_alone_is_timed_without_copies(model_path, driver, package):
    with load(model_path, "tensorrt") as dehazer:
        dehazer(pictures(1, 48, 64))
        driver.copied.clear()
        assert dehazer.time_network(1, 48, 64) > 0
        assert driver.copied == {}
        assert 0 < dehazer.free_memory() < driver.room
