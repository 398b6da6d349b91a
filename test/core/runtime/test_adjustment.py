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
