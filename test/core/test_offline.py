"""How frames are treated one after the other, against what the model itself says of them."""

from collections.abc import Iterator

import numpy as np
import pytest

from dfs_core.offline import Course, Frame, Options, Tally, dehaze_frame
from dfs_core.runtime import Adjustment, Dehazer, load
from dfs_core.runtime.steadying import Steadying


@pytest.fixture(scope="module")
def dehazer() -> Iterator[Dehazer]:
    with load(threads=1) as opened:
        yield opened


def foggy(transmission: float, airlight: float = 210.0) -> Frame:
    """Return blocks of noise behind even fog."""
    blocks = np.random.default_rng(1).integers(0, 160, (9, 16, 3)).repeat(20, axis=0).repeat(20, axis=1)
    return (blocks * transmission + airlight * (1.0 - transmission)).astype(np.uint8)


def dehazed(dehazer: Dehazer, frame: Frame, adjustment: Adjustment) -> Frame:
    result = dehazer(frame[None], adjustments=[adjustment])
    assert result.dehazed is not None
    return result.dehazed[0]


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_the_strength_is_the_share_of_the_fog_that_goes(dehazer: Dehazer, strength: float) -> None:
    frame = foggy(0.4)
    answer = dehaze_frame(dehazer, frame, Options(gate=0.0, strength=strength), Tally())
    np.testing.assert_array_equal(answer.dehazed, dehazed(dehazer, frame, Adjustment(strength)))
    assert np.array_equal(answer.dehazed, frame) == (strength == 0.0)


def test_the_gate_of_one_camera_closes_later_than_it_opens(dehazer: Dehazer) -> None:
    dense, light = foggy(0.3), foggy(0.8)
    above, below = (float(dehazer(frame[None]).fog_density[0]) for frame in (dense, light))
    assert above > below > 0.0
    options = Options(gate=(above + below) / 2.0, gate_hysteresis=0.0)
    course, tally = Course(), Tally()
    passed = [dehaze_frame(dehazer, frame, options, tally, course=course).passed for frame in (light, dense, light)]
    assert passed == [True, False, False]
    assert dehaze_frame(dehazer, light, options, tally).passed, "a picture by itself knows of none before it"
    assert (tally.frames, tally.gated) == (4, 2)


def test_frames_of_one_camera_are_steadied_by_their_stamps(dehazer: Dehazer) -> None:
    course, steadying = Course(), Steadying()
    options = Options(gate=0.0, smoothing_s=0.5)
    for index, airlight in enumerate((210.0, 216.0, 206.0)):
        frame, stamp_s = foggy(0.4, airlight), 0.1 * index
        answer = dehaze_frame(dehazer, frame, options, Tally(), course=course, stamp_s=stamp_s)

        def steady(planes: np.ndarray, stamp_s: float = stamp_s) -> np.ndarray:
            return steadying(planes, stamp_s=stamp_s, time_constant_s=0.5)

        np.testing.assert_array_equal(answer.dehazed, dehazed(dehazer, frame, Adjustment(steady=steady)))
    assert not np.array_equal(answer.dehazed, dehazed(dehazer, frame, Adjustment())), "it was steadied"
