"""Strength and steadying: on the coefficients where they are at hand, on whole frames elsewhere."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from dfs_core.errors import FrameError
from dfs_core.runtime import Adjustment, Dehazer, load
from dfs_core.runtime.adjustment import blend

from .contract_model import build_model
from .test_backends import random_frames

FRAMES = random_frames(2, 50, 70)


@pytest.fixture(scope="module")
def uncut_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file whose cut point has another name, so that its graph runs whole."""
    model = build_model()
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = ["coefficients" if name == "restoration" else name for name in names]
    path = tmp_path_factory.mktemp("uncut") / "uncut.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(params=["openvino", "openvino, whole", "onnxruntime", "onnxruntime, whole"])
def dehazer(request: pytest.FixtureRequest, model_path: Path, uncut_path: Path) -> Dehazer:
    backend = request.param.split(",")[0]
    with load(uncut_path if "whole" in request.param else model_path, backend, threads=1) as opened:
        yield opened


def test_full_strength_is_bit_for_bit_what_the_model_says(dehazer: Dehazer) -> None:
    found, expected = dehazer(FRAMES, adjustments=[Adjustment()] * 2), dehazer(FRAMES)
    np.testing.assert_array_equal(found.dehazed, expected.dehazed)


def test_each_frame_is_dehazed_by_its_own_strength(dehazer: Dehazer) -> None:
    full = dehazer(FRAMES)
    found = dehazer(FRAMES, adjustments=[Adjustment(0.0), Adjustment(0.3)])
    np.testing.assert_array_equal(found.dehazed[0], FRAMES[0])
    within = (full.dehazed[1] > 0) & (full.dehazed[1] < 255)  # clipping comes before blending, or after it
    expected = 0.3 * full.dehazed[1] + 0.7 * FRAMES[1]
    assert abs(found.dehazed[1] - expected)[within].max() <= 1.0
    np.testing.assert_array_equal(found.mask, full.mask)
    np.testing.assert_array_equal(found.fog_density, full.fog_density)


def test_adjustments_of_what_is_not_asked_for_do_nothing(dehazer: Dehazer) -> None:
    assert dehazer(FRAMES, dehaze=False, adjustments=[Adjustment(0.5)] * 2).dehazed is None


def test_the_frames_are_only_read(dehazer: Dehazer) -> None:
    frames = FRAMES.copy()
    frames.setflags(write=False)
    dehazer(frames, adjustments=[Adjustment(0.5)] * 2)
    np.testing.assert_array_equal(frames, FRAMES)


def test_frames_written_elsewhere_are_those_of_the_result(dehazer: Dehazer) -> None:
    """One place lies as R, G, B, the other as B, G, R; the frames are of either order, too."""
    places = [np.empty_like(FRAMES[0]), np.empty_like(FRAMES[1])[..., ::-1]]
    for frames in (FRAMES, [np.ascontiguousarray(frame[..., ::-1])[..., ::-1] for frame in FRAMES]):
        for adjustments in ((), [Adjustment(0.3), Adjustment()]):
            expected = dehazer(frames, adjustments=adjustments)
            for place in places:
                place[:] = 99
            found = dehazer(frames, adjustments=adjustments, out=places)
            assert found.dehazed is None
            for place, dehazed in zip(places, expected.dehazed, strict=True):
                np.testing.assert_array_equal(place, dehazed)
            np.testing.assert_array_equal(found.mask, expected.mask)
            np.testing.assert_array_equal(found.fog_density, expected.fog_density)


def test_frames_written_elsewhere_are_not_touched_by_later_ones(dehazer: Dehazer) -> None:
    first, second = np.empty((2, *FRAMES.shape), np.uint8)
    dehazer(FRAMES, out=list(first))
    kept = first.copy()
    dehazer(255 - FRAMES, out=list(second))
    dehazer(255 - FRAMES)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    "place",
    [
        np.empty((50, 71, 3), np.uint8),
        np.empty((50, 70, 3), np.float32),
        np.empty((50, 80, 3), np.uint8)[:, :70],
        np.frombuffer(bytes(50 * 70 * 3), np.uint8).reshape(50, 70, 3),
        None,
    ],
)
def test_a_place_that_does_not_fit_is_refused(place: np.ndarray | None, dehazer: Dehazer) -> None:
    good = np.empty((50, 70, 3), np.uint8)
    with pytest.raises(FrameError, match=r"out must be 2 x uint8 \[50, 70, 3\]"):
        dehazer(FRAMES, out=[good] if place is None else [good, place])
    assert dehazer(FRAMES).dehazed is not None


def test_as_many_adjustments_as_frames_are_needed(dehazer: Dehazer) -> None:
    with pytest.raises(FrameError, match="2 frames need as many adjustments, or none, not 1"):
        dehazer(FRAMES, adjustments=[Adjustment()])


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_beyond_its_range_is_refused(strength: float) -> None:
    with pytest.raises(FrameError, match=r"strength must be in \[0, 1\]"):
        Adjustment(strength)


def test_a_backend_that_steadies_hands_each_frame_its_own_coefficients(dehazer: Dehazer) -> None:
    seen = []

    def darken(restoration: np.ndarray) -> np.ndarray:
        seen.append(restoration.copy())
        return np.zeros_like(restoration)

    found = dehazer(FRAMES, adjustments=[Adjustment(steady=darken), Adjustment()])
    assert len(seen) == dehazer.steadies
    if dehazer.steadies:
        assert seen[0].shape == (4, *dehazer.artifact.network_size(50, 70))
        assert found.dehazed[0].max() == 0
    np.testing.assert_array_equal(found.dehazed[1], dehazer(FRAMES).dehazed[1])


def test_a_backend_that_cannot_steady_says_so_once(dehazer: Dehazer, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        dehazer(FRAMES, adjustments=[Adjustment(steady=lambda restoration: restoration)] * 2)
    told = [record.getMessage() for record in caplog.records if "not steadied over time" in record.getMessage()]
    assert len(told) == (not dehazer.steadies)


def test_frames_that_lie_blue_first_are_blended_alike():
    frame, dehazed = (np.random.default_rng(seed).integers(0, 256, (1, 4, 6, 3), np.uint8) for seed in (1, 2))
    lying, target = (np.ascontiguousarray(one[..., ::-1])[..., ::-1] for one in (frame, dehazed))
    blend(lying, target, [Adjustment(strength=0.4)])
    blend(frame, dehazed, [Adjustment(strength=0.4)])
    np.testing.assert_array_equal(target, dehazed)
