"""What goes wrong around a network on a GPU, tried on a simulated one: refusals, failures, and what goes on after."""

import pytest

from dfs_core.artifact import DEHAZED, MASK
from dfs_core.errors import BackendError, FrameError
from dfs_core.runtime import load, tensorrt

from .measure import UPTO_FOUR, pictures, same, whole

FAILED = r"^tensorrt 10\.3\.0 failed on frames of \[1, 48, 64\]"


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


def test_closed_model_says_so(model_path, package):
    dehazer = load(model_path, "tensorrt")
    dehazer.close()
    dehazer.close()
    with pytest.raises(BackendError, match="closed already"):
        dehazer(pictures(1, 48, 64))
