"""Flicker of textures that move by known amounts, and of outputs that flicker by known amounts."""

import cv2
import numpy as np
import pytest

from dfs_core.errors import FrameError
from dfs_core.metrics.flicker import INPUT, Flicker

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


def measure(frames, **outputs):
    flicker = Flicker()
    for number, frame in enumerate(frames):
        flicker.add(frame, {name: made[number] for name, made in outputs.items()})
    return flicker


def test_a_still_video_does_not_flicker(world):
    flicker = measure([view(world, 0)] * 4, same=[view(world, 0)] * 4)
    assert flicker.compared == 3
    assert [found.flicker for found in flicker.result().values()] == [0.0, 0.0]
    assert flicker.result()[INPUT].relative == 0.0


def test_motion_is_no_flicker(world):
    frames = [view(world, 3 * number) for number in range(6)]
    flicker = measure(frames, faithful=frames)
    assert flicker.skipped == 0
    assert flicker.result()[INPUT].flicker < 0.5  # unaligned, the frames differ by about 14
    assert flicker.result()["faithful"] == flicker.result()[INPUT]


@pytest.mark.parametrize("amount", [4, 9])
def test_brightness_that_alternates_is_found_exactly_in_a_still_video(world, amount):
    frames = [view(world, 0)] * 5
    pulsing = [np.add(frame, (-amount, amount)[number % 2], dtype=np.int16).astype(np.uint8)
               for number, frame in enumerate(frames)]  # fmt: skip
    result = measure(frames, pulsing=pulsing).result()
    assert result["pulsing"].flicker == pytest.approx(2 * amount)
    assert result["pulsing"].relative == pytest.approx(2 * amount / frames[0][..., 0].std(), rel=0.02)  # but the border
    assert result[INPUT].flicker == 0.0


def test_brightness_that_alternates_is_found_in_a_moving_one(world):
    frames = [view(world, 2 * number) for number in range(5)]
    pulsing = [frame + np.uint8(10 * (number % 2)) for number, frame in enumerate(frames)]
    assert measure(frames, pulsing=pulsing).result()["pulsing"].flicker == pytest.approx(10.0, abs=0.2)


def test_contrast_raises_differences_but_not_relative_ones(world):
    rng = np.random.default_rng(1)
    frames = [np.clip(view(world, 0) + rng.normal(0, 2, (*SIZE, 1)), 0, 255).astype(np.uint8) for _ in range(5)]
    doubled = [(2 * (frame.astype(np.int16) - 60)).clip(0, 255).astype(np.uint8) for frame in frames]
    result = measure(frames, doubled=doubled).result()
    assert result["doubled"].flicker == pytest.approx(2 * result[INPUT].flicker, rel=1e-3)
    assert result["doubled"].relative == pytest.approx(result[INPUT].relative, rel=1e-3)


def test_what_an_object_uncovers_is_not_compared(world):
    def with_car(number, colour):
        frame = view(world, 0)
        frame[30:70, 30 + 12 * number : 70 + 12 * number] = 40 + world[:40, :40] // 4
        before = frame.copy()
        frame[30:70, 18 + 12 * number : 30 + 12 * number] = colour  # the strip that it has just left
        return before, frame

    plain, painted = zip(*(with_car(number, 250) for number in range(4)), strict=True)
    result = measure(plain, painted=painted).result()
    strip = 40 * 12 / (SIZE[0] * SIZE[1])
    unmasked = 2 * strip * 125  # the strip shows and goes, each time by about 125 levels
    assert result["painted"].flicker < result[INPUT].flicker + 0.65 * unmasked


def test_a_cut_is_skipped(world):
    other = 255 - cv2.flip(world, -1)
    frames = [view(world, 0), view(world, 1), view(other, 0), view(other, 1)]
    flicker = measure(frames, same=frames)
    assert (flicker.compared, flicker.skipped) == (2, 1)
    assert flicker.result()["same"].flicker < 0.5


def test_a_flash_of_the_input_itself_is_skipped(world):
    frames = [view(world, 0), view(world, 0) // 2, view(world, 0) // 2]
    flicker = measure(frames)
    assert (flicker.compared, flicker.skipped) == (1, 1)


def test_the_motion_is_the_inputs_whatever_the_output_shows(world):
    frames = [view(world, 3 * number) for number in range(4)]
    still = [view(world, 0)] * 4  # an output that has frozen flickers, for its input moves
    result = measure(frames, frozen=still).result()
    assert result["frozen"].flicker > 10 * result[INPUT].flicker


def test_one_frame_or_none_has_no_flicker(world):
    assert Flicker().result() == {}
    result = measure([view(world, 0)], same=[view(world, 0)]).result()
    assert [(found.flicker, found.relative) for found in result.values()] == [(None, None)] * 2


def test_a_flat_output_has_no_contrast_to_be_relative_to(world):
    frames = [view(world, 0)] * 3
    result = measure(frames, flat=[np.full((*SIZE, 3), 90, np.uint8)] * 3).result()
    assert result["flat"].flicker == 0.0
    assert result["flat"].relative is None


def test_a_frame_of_another_size_is_refused(world):
    flicker = measure([view(world, 0)])
    with pytest.raises(FrameError, match=r"\[96, 128\].*\[48, 64\].*own Flicker"):
        flicker.add(np.zeros((48, 64, 3), np.uint8), {})


def test_an_output_of_another_size_is_refused(world):
    with pytest.raises(FrameError, match=r"'small' must be uint8 \[96, 128, 3\].*\[48, 64, 3\]"):
        Flicker().add(view(world, 0), {"small": np.zeros((48, 64, 3), np.uint8)})


def test_outputs_that_come_and_go_are_refused(world):
    flicker = measure([view(world, 0)])
    with pytest.raises(FrameError, match="late"):
        flicker.add(view(world, 0), {"late": view(world, 0)})


def test_the_inputs_name_is_taken(world):
    with pytest.raises(FrameError, match="cannot be called 'input'"):
        Flicker().add(view(world, 0), {INPUT: view(world, 0)})
