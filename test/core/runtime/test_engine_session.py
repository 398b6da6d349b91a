"""What surrounds a network on a GPU, tried on a simulated one: memory, graphs, batches.

A real GPU is needed for the rest: `test_tensorrt.py` and `benchmarks/gpu.py`.
"""

import threading
from dataclasses import replace

import numpy as np
import onnx
import pytest

from dfs_core.runtime import load
from dfs_core.runtime.engine_session import LANES, SIZES

from .measure import pictures, same, whole
from .simulated_tensorrt import install_tensorrt

STEADY = (
    "cuMemAlloc_v2", "cuMemHostRegister_v2", "cuMemHostUnregister", "cuGraphInstantiateWithFlags", "execute_async_v3",
    "cuMemFree_v2",
)  # fmt: skip


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


def test_two_models_share_the_one_logger_that_tensorrt_takes(model_path, package):
    frames = pictures(1, 48, 64)
    with load(model_path, "tensorrt") as one, load(model_path, "tensorrt") as other:
        same(one(frames), other(frames))


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


def test_network_alone_is_timed_without_copies(model_path, driver, package):
    with load(model_path, "tensorrt") as dehazer:
        dehazer(pictures(1, 48, 64))
        driver.copied.clear()
        assert dehazer.time_network(1, 48, 64) > 0
        assert driver.copied == {}
        assert 0 < dehazer.free_memory() < driver.room
