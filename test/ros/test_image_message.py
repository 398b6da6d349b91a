"""Images in and out of raw messages: every encoding, both message libraries, and whatever a broken driver sends."""

import sys
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dfs_core.errors import FrameError
from dfs_ros.image_message import answer_encoding, from_array, room, to_array

RANDOM = np.random.default_rng(7)
FRAME = RANDOM.integers(0, 256, (6, 8, 3), np.uint8)
RGB = arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


def message(encoding: str, pixels: np.ndarray, *, height: int, width: int, padding: int = 0, big: bool = False) -> Any:
    """Return a message of that encoding whose rows, uint8 [rows, bytes], are followed by `padding` bytes of rubbish."""
    rows = np.pad(pixels.reshape(pixels.shape[0], -1).view(np.uint8), ((0, 0), (0, padding)), constant_values=0xA5)
    return SimpleNamespace(
        encoding=encoding,
        height=height,
        width=width,
        step=rows.shape[1],
        is_bigendian=int(big),
        data=np.ascontiguousarray(rows).reshape(-1),
    )


def of(encoding: str, pixels: np.ndarray, **more: Any) -> Any:
    return message(encoding, pixels, height=pixels.shape[0], width=pixels.shape[1], **more)


def test_rgb8_without_padding_is_a_view_that_cannot_be_written() -> None:
    source = of("rgb8", FRAME)
    frame = to_array(source)
    assert np.shares_memory(frame, source.data)
    assert not frame.flags.writeable
    np.testing.assert_array_equal(frame, FRAME)


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("rgb8", FRAME),
        ("bgr8", FRAME[..., ::-1]),
        ("8UC3", FRAME[..., ::-1]),
        ("rgba8", np.dstack([FRAME, FRAME[..., :1]])),
        ("bgra8", np.dstack([FRAME[..., ::-1], FRAME[..., :1]])),
    ],
)
def test_colour_encodings_give_the_same_rgb(encoding: str, pixels: np.ndarray, padding: int) -> None:
    frame = to_array(of(encoding, np.ascontiguousarray(pixels), padding=padding))
    np.testing.assert_array_equal(frame, FRAME)
    assert frame.flags.c_contiguous


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey_fills_all_three_channels(encoding: str) -> None:
    grey = FRAME[..., 0]
    np.testing.assert_array_equal(to_array(of(encoding, grey, padding=3)), np.dstack([grey] * 3))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("encoding", "order"), [("rgb16", [0, 1, 2]), ("bgr16", [2, 1, 0])])
def test_sixteen_bits_are_narrowed_in_either_byte_order(encoding: str, order: list[int], big: bool) -> None:
    wide = RANDOM.integers(0, 65536, (6, 8, 3)).astype(np.uint16)
    stored = np.ascontiguousarray(wide[..., order]).astype(">u2" if big else "<u2")
    expected = np.round(wide.astype(np.float64) * 255 / 65535).astype(np.uint8)
    np.testing.assert_array_equal(to_array(of(encoding, stored, padding=4, big=big)), expected)


def test_mono16_keeps_black_white_and_the_middle() -> None:
    grey = np.array([[0, 65535, 128 * 257]], "<u2")
    np.testing.assert_array_equal(to_array(of("mono16", grey))[0, :, 1], [0, 255, 128])


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_mosaic_of_one_colour_becomes_that_colour(pattern: str) -> None:
    red, green, blue = 200, 100, 50
    value = {"r": red, "g": green, "b": blue}
    tile = np.array([[value[pattern[0]], value[pattern[1]]], [value[pattern[2]], value[pattern[3]]]], np.uint8)
    frame = to_array(of(f"bayer_{pattern}8", np.tile(tile, (4, 5))))
    assert {tuple(pixel) for pixel in frame[2:-2, 2:-2].reshape(-1, 3).tolist()} == {(red, green, blue)}


def smooth_frame() -> np.ndarray:
    """Return a frame whose colour survives being shared between neighbours."""
    rows, columns = np.mgrid[0:16, 0:24].astype(np.float32)
    return np.dstack([40 + 8 * rows, 60 + 6 * columns, 200 - 3 * rows - 2 * columns]).astype(np.uint8)


@pytest.mark.parametrize("encoding", ["uyvy", "yuv422", "yuyv", "yuv422_yuy2"])
def test_packed_yuv_is_read(encoding: str) -> None:
    code = cv2.COLOR_RGB2YUV_UYVY if encoding in {"uyvy", "yuv422"} else cv2.COLOR_RGB2YUV_YUY2
    frame = smooth_frame()
    restored = to_array(of(encoding, cv2.cvtColor(frame, code), padding=2))
    assert np.abs(restored.astype(int) - frame).max() <= 12
    assert np.abs(restored.astype(int) - frame).mean() < 3


@pytest.mark.parametrize("encoding", ["nv12", "nv21"])
def test_planar_yuv_is_read(encoding: str) -> None:
    frame = smooth_frame()
    height, width = frame.shape[:2]
    planar = cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420)
    luma, (blue, red) = planar[:height], planar[height:].reshape(2, -1)
    pair = [blue, red] if encoding == "nv12" else [red, blue]
    stored = np.vstack([luma, np.stack(pair, axis=-1).reshape(height // 2, width)])
    restored = to_array(message(encoding, stored, height=height, width=width, padding=8))
    assert np.abs(restored.astype(int) - frame).max() <= 16
    assert np.abs(restored.astype(int) - frame).mean() < 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoding": "32FC1"}, ["32FC1", "8x6", "known", "bgr8"]),
        ({"step": 23}, ["step 23", "24"]),
        ({"step": 25}, ["step 25", "150", "144"]),
        ({"data": np.zeros(10, np.uint8)}, ["144", "10"]),
        ({"data": np.zeros(145, np.uint8)}, ["144", "145"]),
        ({"height": 0}, ["8x0", "empty"]),
        ({"width": 0}, ["0x6", "empty"]),
        ({"width": 2**32 - 1, "height": 2**32 - 1}, ["4294967295x4294967295", "max_pixels"]),
        ({"encoding": "uyvy", "width": 7}, ["uyvy", "7x6", "even"]),
    ],
)
def test_what_does_not_fit_is_refused_in_words(change: dict[str, Any], words: list[str]) -> None:
    broken = SimpleNamespace(**{**vars(of("bgr8", FRAME)), **change})
    with pytest.raises(FrameError) as refusal:
        to_array(broken)
    assert [word for word in words if word not in str(refusal.value)] == []


def test_a_larger_limit_lets_a_larger_image_in() -> None:
    source = of("rgb8", FRAME)
    with pytest.raises(FrameError, match="larger than 47 pixels"):
        to_array(source, max_pixels=47)
    assert to_array(source, max_pixels=48).shape == (6, 8, 3)


@given(
    encoding=st.sampled_from(["rgb8", "bgr8", "mono16", "uyvy", "nv12", "bayer_rggb8", "bgr16", "nonsense"])
    | st.text(),
    height=st.integers(0, 12) | st.integers(0, 2**32 - 1),
    width=st.integers(0, 12) | st.integers(0, 2**32 - 1),
    step=st.integers(0, 80) | st.integers(0, 2**32 - 1),
    is_bigendian=st.integers(0, 255),
    data=st.binary(max_size=400),
)
def test_rubbish_is_refused_or_read_but_never_worse(**fields: Any) -> None:
    try:
        frame = to_array(SimpleNamespace(**fields))
    except FrameError:
        return
    assert frame.shape == (fields["height"], fields["width"], 3)


@given(
    encoding=st.sampled_from(["bgr16", "mono16", "uyvy", "yuyv", "nv12", "nv21", "bayer_gbrg8", "bgra8", "mono8"]),
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    padding=st.integers(0, 4),
)
def test_every_size_that_fits_is_read_or_refused(encoding: str, height: int, width: int, padding: int) -> None:
    step = 6 * width + padding
    rows = height * 3 // 2 if encoding.startswith("nv") else height
    image = SimpleNamespace(
        encoding=encoding, height=height, width=width, step=step, is_bigendian=0, data=bytes(rows * step)
    )
    try:
        frame = to_array(image)
    except FrameError:
        return
    assert frame.shape == (height, width, 3)


@given(frame=RGB, encoding=st.sampled_from(["rgb8", "bgr8"]))
@settings(max_examples=50)
def test_what_goes_out_comes_back(frame: np.ndarray, encoding: str) -> None:
    messages = pytest.importorskip("sensor_msgs.msg")
    from std_msgs.msg import Header

    out = from_array(frame, Header(), encoding, messages.Image)
    assert (out.height, out.width, out.step, len(out.data)) == (*frame.shape[:2], 3 * frame.shape[1], frame.size)
    np.testing.assert_array_equal(to_array(out), frame)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_the_message_holds_the_bytes_and_the_header(library: SimpleNamespace, encoding: str) -> None:
    out = from_array(FRAME, library.header, encoding, library.Image)
    assert out.header is library.header
    assert out.encoding == encoding
    stored = FRAME if encoding == "rgb8" else FRAME[..., ::-1]
    assert bytes(out.data) == stored.tobytes()
    assert out.is_bigendian == (sys.byteorder == "big")


def test_a_mask_goes_out_as_it_is(library: SimpleNamespace) -> None:
    mask = np.ascontiguousarray(FRAME[..., 0])
    out = from_array(mask, library.header, "mono8", library.Image)
    assert (out.encoding, out.step, bytes(out.data)) == ("mono8", 8, mask.tobytes())


def test_colour_goes_out_as_grey_by_its_luma(library: SimpleNamespace) -> None:
    frame = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    out = from_array(frame, library.header, "mono8", library.Image)
    assert list(out.data) == [76] * 4  # 0.299 of 255, BT.601


def test_rosbags_serialises_what_we_make() -> None:
    typesys = pytest.importorskip("rosbags.typesys")
    store = typesys.get_typestore(typesys.Stores.ROS2_JAZZY)
    types = store.types
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](1, 2), "cam")
    out = from_array(FRAME, header, "bgr8", types["sensor_msgs/msg/Image"])
    read = store.deserialize_cdr(store.serialize_cdr(out, "sensor_msgs/msg/Image"), "sensor_msgs/msg/Image")
    np.testing.assert_array_equal(to_array(read), FRAME)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "mono8"])
def test_a_message_is_filled_again_only_when_it_fits(encoding: str) -> None:
    messages = pytest.importorskip("sensor_msgs.msg")
    from std_msgs.msg import Header

    first = from_array(FRAME, Header(), encoding, messages.Image)
    again = from_array(FRAME[::-1].copy(), Header(frame_id="x"), encoding, messages.Image, reuse=first)
    assert again is first
    assert again.header.frame_id == "x"
    fresh = from_array(FRAME[::-1].copy(), Header(), encoding, messages.Image)
    assert bytes(again.data) == bytes(fresh.data)
    other = from_array(FRAME[:4].copy(), Header(), encoding, messages.Image, reuse=first)
    assert other is not first
    assert other.height == 4


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "mono8"])
def test_what_is_written_into_the_room_of_a_message_is_sent_as_it_is(encoding: str) -> None:
    messages = pytest.importorskip("sensor_msgs.msg")
    from std_msgs.msg import Header

    frame = FRAME[..., 1].copy() if encoding == "mono8" else FRAME
    message, pixels = room(*FRAME.shape[:2], encoding, messages.Image)
    assert np.shares_memory(pixels, np.frombuffer(message.data, np.uint8))
    pixels[:] = frame
    sent = from_array(pixels, Header(frame_id="x"), encoding, messages.Image, reuse=message)
    assert sent is message
    assert sent == from_array(frame, Header(frame_id="x"), encoding, messages.Image)
    assert room(*FRAME.shape[:2], encoding, messages.Image, reuse=message)[0] is message
    assert room(4, 6, encoding, messages.Image, reuse=message)[0] is not message


@pytest.mark.parametrize(
    ("array", "encoding"),
    [(FRAME, "yuv422"), (FRAME[..., 0], "rgb8"), (FRAME.astype(np.float32), "rgb8"), (FRAME[:0], "bgr8")],
)
def test_what_cannot_be_written_is_refused(array: np.ndarray, encoding: str) -> None:
    with pytest.raises(FrameError, match=r"mono8|uint8 array"):
        from_array(array, None, encoding, SimpleNamespace)


@pytest.mark.parametrize(
    ("encoding", "answer"),
    [
        ("bgr8", "bgr8"),
        ("bgra8", "bgr8"),
        ("rgb8", "rgb8"),
        ("mono16", "mono8"),
        ("uyvy", "rgb8"),
        ("32FC1", "rgb8"),
        ("bgr8; jpeg compressed bgr8", "bgr8"),
        ("jpeg", "rgb8"),
    ],
)
def test_frames_are_answered_in_their_own_family(encoding: str, answer: str) -> None:
    assert answer_encoding(encoding) == answer


def test_blue_first_goes_in_and_out_without_turning_the_channels_round(library):
    frame = np.random.default_rng(9).integers(0, 256, (5, 7, 3), np.uint8)
    message = from_array(frame, library.header, "bgr8", library.Image)
    view = to_array(message, blue_may_lie_first=True)
    np.testing.assert_array_equal(view, frame)
    assert np.shares_memory(view, np.frombuffer(message.data, np.uint8))
    for encoding in ("bgr8", "rgb8", "mono8"):
        again = from_array(view, library.header, encoding, library.Image)
        np.testing.assert_array_equal(again.data, from_array(frame, library.header, encoding, library.Image).data)
