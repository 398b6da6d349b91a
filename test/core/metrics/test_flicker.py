"""Flicker of textures that move by known amounts, and of outputs that flicker by known amounts."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from dfs_core.errors import FrameError
from dfs_core.metrics.flicker import find_motion, measure_steadiness

SIZE = (96, 128)


@pytest.fixture(scope="module")
def world():
    """A smooth texture, larger than a frame, uint8 [192, 256, 3], from 90 to 160."""
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.normal(0, 1, (192, 256)).astype(np.float32), (0, 0), 2.5)
    texture = 90 + 70 * (texture - texture.min()) / np.ptp(texture)
    return np.rint(texture).astype(np.uint8)[..., None].repeat(3, axis=2)


def view(world, left, top=20):
    """Return what a camera sees that has moved to the right by `left` pixels."""
    return np.ascontiguousarray(world[top : top + SIZE[0], 20 + left : 20 + left + SIZE[1]])


@dataclass(frozen=True)
class Found:
    """How often an output could be compared with its past, and the mean of its figures."""

    compared: int
    flicker: float | None
    relative: float | None


def measure(frames, output):
    found = [
        measure_steadiness(*output[number - 1 : number + 1], motion)
        for number in range(1, len(frames))
        if (motion := find_motion(*frames[number - 1 : number + 1])) is not None
    ]
    relative = [pair.relative for pair in found]
    return Found(
        len(found),
        np.mean([pair.flicker for pair in found]) if found else None,
        np.mean(relative) if relative and None not in relative else None,
    )


def test_a_still_video_does_not_flicker(world):
    frames = [view(world, 0)] * 4
    assert measure(frames, frames) == Found(3, 0.0, 0.0)


def test_motion_is_no_flicker(world):
    frames = [view(world, 3 * number) for number in range(6)]
    found = measure(frames, frames)
    assert found.compared == 5
    assert found.flicker < 0.5  # unaligned, the frames differ by about 14


def test_motion_is_found_where_it_can_be_seen(world):
    motion = find_motion(view(world, 0), view(world, 3))
    columns, rows = np.meshgrid(np.arange(SIZE[1]), np.arange(SIZE[0]))
    inner = np.s_[10:-10, 10:-10]
    np.testing.assert_allclose(motion.places[..., 0][inner], columns[inner] + 3, atol=0.3)
    np.testing.assert_allclose(motion.places[..., 1][inner], rows[inner], atol=0.3)
    assert motion.visible[inner].all()
    assert not motion.visible[:, -2:].any()  # these have just come into sight


@pytest.mark.parametrize("amount", [4, 9])
def test_brightness_that_alternates_is_found_exactly_in_a_still_video(world, amount):
    frames = [view(world, 0)] * 5
    pulsing = [np.add(frame, (-amount, amount)[number % 2], dtype=np.int16).astype(np.uint8)
               for number, frame in enumerate(frames)]  # fmt: skip
    found = measure(frames, pulsing)
    assert found.flicker == pytest.approx(2 * amount)
    assert found.relative == pytest.approx(2 * amount / frames[0][..., 0].std(), rel=0.02)  # but the border


def test_brightness_that_alternates_is_found_in_a_moving_one(world):
    frames = [view(world, 2 * number) for number in range(5)]
    pulsing = [frame + np.uint8(10 * (number % 2)) for number, frame in enumerate(frames)]
    assert measure(frames, pulsing).flicker == pytest.approx(10.0, abs=0.2)


def test_contrast_raises_differences_but_not_relative_ones(world):
    rng = np.random.default_rng(1)
    frames = [np.clip(view(world, 0) + rng.normal(0, 2, (*SIZE, 1)), 0, 255).astype(np.uint8) for _ in range(5)]
    doubled = [(2 * (frame.astype(np.int16) - 60)).clip(0, 255).astype(np.uint8) for frame in frames]
    own, twice = measure(frames, frames), measure(frames, doubled)
    assert twice.flicker == pytest.approx(2 * own.flicker, rel=1e-3)
    assert twice.relative == pytest.approx(own.relative, rel=1e-3)


def test_what_an_object_uncovers_is_not_compared(world):
    def with_car(number, colour):
        frame = view(world, 0)
        frame[30:70, 30 + 12 * number : 70 + 12 * number] = 40 + world[:40, :40] // 4
        before = frame.copy()
        frame[30:70, 18 + 12 * number : 30 + 12 * number] = colour  # the strip that it has just left
        return before, frame

    plain, painted = zip(*(with_car(number, 250) for number in range(4)), strict=True)
    strip = 40 * 12 / (SIZE[0] * SIZE[1])
    unmasked = 2 * strip * 125  # the strip shows and goes, each time by about 125 levels
    assert measure(plain, painted).flicker < measure(plain, plain).flicker + 0.65 * unmasked


def test_a_cut_is_skipped(world):
    other = 255 - cv2.flip(world, -1)
    frames = [view(world, 0), view(world, 1), view(other, 0), view(other, 1)]
    assert find_motion(frames[1], frames[2]) is None
    found = measure(frames, frames)
    assert found.compared == 2
    assert found.flicker < 0.5


def test_a_flash_of_the_input_itself_is_skipped(world):
    assert find_motion(view(world, 0), view(world, 0) // 2) is None
    assert find_motion(view(world, 0) // 2, view(world, 0) // 2) is not None


def test_the_motion_is_the_inputs_whatever_the_output_shows(world):
    frames = [view(world, 3 * number) for number in range(4)]
    still = [view(world, 0)] * 4  # an output that has frozen flickers, for its input moves
    assert measure(frames, still).flicker > 10 * measure(frames, frames).flicker


def test_a_flat_output_has_no_contrast_to_be_relative_to(world):
    frames = [view(world, 0)] * 3
    assert measure(frames, [np.full((*SIZE, 3), 90, np.uint8)] * 3) == Found(2, 0.0, None)


def test_frames_too_small_for_a_motion_are_skipped(world):
    assert find_motion(world[:11, :11], world[:11, :11]) is None
    assert find_motion(world[:11, :12], world[:11, :12]) is not None


def test_a_frame_of_another_size_is_refused(world):
    with pytest.raises(FrameError, match=r"uint8 \[48, 64, 3\]; the frame before is uint8 \[96, 128, 3\]"):
        find_motion(view(world, 0), np.zeros((48, 64, 3), np.uint8))


def test_an_output_of_another_size_or_kind_is_refused(world):
    frame = view(world, 0)
    motion = find_motion(frame, frame)
    with pytest.raises(FrameError, match=r"uint8 \[96, 128, 3\]; this frame is uint8 \[48, 64, 3\]"):
        measure_steadiness(frame, np.zeros((48, 64, 3), np.uint8), motion)
    with pytest.raises(FrameError, match=r"the frame before is float64 \[96, 128, 3\]"):
        measure_steadiness(frame / 255, frame, motion)
