"""Every backend says the same of the same frames; ONNX Runtime on the file as it is, is the measure."""

import logging
import threading

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from dfs_core.errors import FrameError
from dfs_core.runtime import load
from dfs_core.runtime.loading import SHIPPED_MODEL

from .measure import whole

SIZES = [(1, 120, 192), (1, 97, 131), (2, 60, 96), (1, 1, 77), (1, 200, 10), (1, 1, 1), (3, 33, 35)]


def random_frames(count, height, width, seed=0):
    """Noise over a soft picture, so that neither the mask nor the coefficients are flat."""
    random = np.random.default_rng(seed)
    rows, columns = np.linspace(0, 3, height)[:, None, None], np.linspace(0, 5, width)[None, :, None]
    soft = 120 + 90 * np.sin(rows + columns + np.array([0.0, 1.0, 2.0]))
    noise = random.normal(0, 12, (count, height, width, 3))
    return np.clip(soft + noise, 0, 255).astype(np.uint8)


def assert_same(found, expected):
    """Hold a result to the project's parity: 1 of 255, and 99.9 % of the labels."""
    assert found.dehazed.dtype == found.mask.dtype == np.uint8
    assert found.dehazed.shape == expected.dehazed.shape
    assert abs(found.dehazed.astype(int) - expected.dehazed).max() <= 1
    assert found.mask.shape == expected.mask.shape
    assert (found.mask == expected.mask).mean() >= 0.999
    assert found.fog_density.dtype == np.float32
    np.testing.assert_allclose(found.fog_density, expected.fog_density, rtol=1e-4)


@pytest.fixture(scope="module", params=["small", "shipped"])
def models(request, model_path):
    if request.param == "shipped" and not SHIPPED_MODEL.exists():
        pytest.skip(f"{SHIPPED_MODEL.name} is not in the package yet")
    path = model_path if request.param == "small" else SHIPPED_MODEL
    with load(path, "openvino") as openvino, load(path, "onnxruntime") as onnxruntime, whole(path) as measure:
        assert onnxruntime.kernels is not None
        yield openvino, onnxruntime, measure


@pytest.fixture(params=["openvino", "onnxruntime", "onnxruntime, whole"])
def dehazer(request, model_path):
    opened = whole(model_path) if "whole" in request.param else load(model_path, request.param, threads=1)
    with opened:
        yield opened


@pytest.mark.parametrize("size", SIZES)
def test_networks_with_our_kernels_equal_the_whole_graph(size, models):
    openvino, onnxruntime, measure = models
    frames = random_frames(*size)
    expected = measure(frames)
    assert_same(openvino(frames), expected)
    assert_same(onnxruntime(frames), expected)


def test_networks_with_our_kernels_equal_the_whole_graph_at_full_hd(models):
    openvino, onnxruntime, measure = models
    frames = random_frames(1, 1080, 1920)
    expected = measure(frames)
    assert_same(openvino(frames), expected)
    assert_same(onnxruntime(frames), expected)


def test_the_result_is_not_trivial(model_path):
    """What the other tests compare would also be equal if it were constant."""
    with load(model_path, "onnxruntime") as dehazer:
        result = dehazer(random_frames(1, 120, 192))
    assert len(np.unique(result.mask)) >= 4
    assert len(np.unique(result.dehazed)) > 200
    assert result.mask.shape == (1, *dehazer.artifact.network_size(120, 192))


def test_the_frames_are_left_as_they_were(dehazer):
    frames = random_frames(1, 40, 60)
    before = frames.copy()
    frames.setflags(write=False)
    dehazer(frames)
    np.testing.assert_array_equal(frames, before)


def test_what_is_not_wanted_is_not_given_and_changes_nothing_else(dehazer):
    frames = random_frames(1, 40, 60)
    everything = dehazer(frames)
    image_only, mask_only = dehazer(frames, segment=False), dehazer(frames, dehaze=False)
    neither = dehazer(frames, dehaze=False, segment=False)
    assert image_only.mask is None
    assert mask_only.dehazed is None
    assert neither.dehazed is neither.mask is None
    np.testing.assert_array_equal(image_only.dehazed, everything.dehazed)
    np.testing.assert_array_equal(mask_only.mask, everything.mask)
    for result in (image_only, mask_only, neither):
        np.testing.assert_allclose(result.fog_density, everything.fog_density, rtol=1e-5)


def test_a_result_outlives_the_next_frame(dehazer):
    first = dehazer(random_frames(1, 40, 60, seed=1))
    kept = first.dehazed.copy(), first.mask.copy(), first.fog_density.copy()
    dehazer(255 - random_frames(1, 40, 60, seed=2))
    for now, before in zip((first.dehazed, first.mask, first.fog_density), kept, strict=True):
        np.testing.assert_array_equal(now, before)


def test_the_resolution_may_change_from_frame_to_frame(dehazer):
    sizes = [(40, 60), (96, 96), (40, 60), (30, 120), (17, 200), (64, 64), (128, 60), (60, 64), (90, 130), (40, 60)]
    results = [dehazer(random_frames(1, *size)) for size in sizes]
    assert [result.dehazed.shape[1:3] for result in results] == sizes
    for repeated in (results[2], results[-1]):
        np.testing.assert_array_equal(repeated.dehazed, results[0].dehazed)


def test_a_batch_is_its_frames_one_by_one(dehazer):
    frames = random_frames(3, 50, 70)
    together = dehazer(frames)
    for index in range(3):
        alone = dehazer(frames[index : index + 1])
        assert abs(together.dehazed[index].astype(int) - alone.dehazed[0]).max() <= 1
        np.testing.assert_array_equal(together.mask[index], alone.mask[0])


def test_frames_may_lie_wherever_they_are(dehazer):
    frames = random_frames(3, 50, 70)
    apart = [frames[0].copy(), np.asfortranarray(frames[1]), np.pad(frames[2], ((0, 0), (0, 5), (0, 0)))[:, :70]]
    found, expected = dehazer(apart), dehazer(frames)
    assert_same(found, expected)
    second = found.of_frame(1)
    np.testing.assert_array_equal(second.dehazed, found.dehazed[1:2])
    np.testing.assert_array_equal(second.mask, found.mask[1:2])
    assert second.fog_density == found.fog_density[1]
    assert dehazer(apart, dehaze=False).of_frame(0).dehazed is None


@pytest.mark.parametrize(
    ("sizes", "found"),
    [([(4, 4), (4, 5)], r"uint8 \[1, 4, 4, 3\] and uint8 \[1, 4, 5, 3\]"), ([], "none")],
)
def test_a_batch_of_several_sizes_or_none_is_refused(sizes, found, dehazer):
    with pytest.raises(FrameError, match=rf"N, H, W >= 1, not {found}$"):
        dehazer([np.zeros((*size, 3), np.uint8) for size in sizes])


def test_openvino_compiles_nothing_for_another_number_of_frames(model_path, monkeypatch):
    with load(model_path, "openvino", threads=1) as dehazer:
        dehazer.warm_up(50, 70)
        dehazer.warm_up(50, 70, segment=False)
        monkeypatch.setattr(dehazer, "_compiled", None)
        monkeypatch.setattr(dehazer, "_kept", None)
        assert dehazer(random_frames(4, 50, 70)).dehazed.shape == (4, 50, 70, 3)
        assert dehazer(random_frames(1, 50, 70), segment=False).mask is None


def test_frames_that_are_a_view_of_others_are_taken(dehazer):
    wide = random_frames(1, 40, 120)
    np.testing.assert_array_equal(
        dehazer(wide[:, :, ::2]).dehazed, dehazer(np.ascontiguousarray(wide[:, :, ::2])).dehazed
    )


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        (np.zeros((1, 4, 4, 3), np.float32), r"float32 \[1, 4, 4, 3\]"),
        (np.zeros((4, 4, 3), np.uint8), r"uint8 \[4, 4, 3\]"),
        (np.zeros((1, 4, 4, 4), np.uint8), r"uint8 \[1, 4, 4, 4\]"),
        (np.zeros((1, 0, 4, 3), np.uint8), r"uint8 \[1, 0, 4, 3\]"),
        (np.zeros((0, 4, 4, 3), np.uint8), r"uint8 \[0, 4, 4, 3\]"),
    ],
)
def test_wrong_frames_are_refused_and_the_next_good_one_runs(frames, found, dehazer):
    with pytest.raises(FrameError, match=rf"frames must be uint8 \[N, H, W, 3\] .*, not {found}"):
        dehazer(frames)
    assert dehazer(random_frames(1, 4, 4)).dehazed.shape == (1, 4, 4, 3)


def test_warm_up_takes_any_size(dehazer):
    dehazer.warm_up(30, 40, batch=2)


def test_two_models_run_in_two_threads_at_once(model_path):
    frames = random_frames(1, 270, 480)
    expected = whole(model_path)(frames)
    start = threading.Barrier(2, timeout=20)
    results = {}

    def run(name):
        with load(model_path, "openvino", threads=2) as dehazer:
            start.wait()
            results[name] = [dehazer(frames) for _ in range(20)]

    threads = [threading.Thread(target=run, args=(name,)) for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(results) == ["left", "right"]
    for result in results["left"] + results["right"]:
        assert_same(result, expected)


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_a_model_without_cut_points_runs_whole_and_says_so(backend, model, tmp_path, caplog, model_path):
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = ["coefficients" if name == "restoration" else name for name in names]
    onnx.save(model, tmp_path / "uncut.onnx")
    with load(tmp_path / "uncut.onnx", backend) as dehazer:
        assert "cannot be cut at float32 tensors 'low_resolution' and 'restoration'" in caplog.text
        _assert_equals_small_model(dehazer, model_path)


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_a_model_that_looks_at_the_frames_behind_the_cut_runs_whole(backend, model, tmp_path, caplog):
    """Here the fog density is that of the full frames, which the part behind the cut cannot see."""
    density = next(node for node in model.graph.node if node.output[0] == "fog_density")
    density.input[0] = "mean_frame"
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 2, 3]), "frame_axes"))
    index = list(model.graph.node).index(density)
    model.graph.node.insert(
        index, helper.make_node("ReduceMean", ["frames_float", "frame_axes"], ["mean_frame"], keepdims=0)
    )
    onnx.save(model, tmp_path / "peeks.onnx")
    frames = random_frames(1, 40, 60)
    caplog.set_level(logging.WARNING)
    with load(tmp_path / "peeks.onnx", backend) as dehazer:
        assert "the whole graph runs" in caplog.text
        np.testing.assert_allclose(dehazer(frames).fog_density, frames.mean() * 0.02, rtol=1e-4)


def _assert_equals_small_model(dehazer, model_path):
    frames = random_frames(1, 40, 60)
    with whole(model_path) as measure:
        assert_same(dehazer(frames), measure(frames))
    assert dehazer(frames, dehaze=False).dehazed is None
    assert dehazer(frames, segment=False).mask is None


def test_frames_that_lie_blue_first_are_taken_and_given_as_they_lie(dehazer):
    frames = random_frames(2, 60, 96)
    lying = [np.ascontiguousarray(frame[..., ::-1])[..., ::-1] for frame in frames]
    expected = dehazer(frames)
    for batch in (lying, [lying[0], frames[1]], [frames[0], lying[1]]):
        found = dehazer(batch)
        for one in ("dehazed", "mask", "fog_density"):
            np.testing.assert_array_equal(getattr(found, one), getattr(expected, one))
    if getattr(dehazer, "kernels", None) is not None:
        assert dehazer(lying).dehazed[..., ::-1].flags.c_contiguous
