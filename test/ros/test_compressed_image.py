"""Compressed images in and out of messages: whole, cut off, damaged, and of both message libraries."""

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfs_core.errors import FrameError
from dfs_ros.image_message import decode, to_compressed, to_png

RANDOM = np.random.default_rng(7)
FRAME = RANDOM.integers(0, 256, (6, 8, 3), np.uint8)


def smooth_frame() -> np.ndarray:
    """Return a frame that JPEG hardly changes."""
    rows, columns = np.mgrid[0:16, 0:24].astype(np.float32)
    return np.dstack([40 + 8 * rows, 60 + 6 * columns, 200 - 3 * rows - 2 * columns]).astype(np.uint8)


def jpeg(frame: np.ndarray, kind: str = ".jpg") -> bytes:
    return cv2.imencode(kind, frame[..., ::-1])[1].tobytes()


def compressed(data: bytes, text: str = "jpeg") -> Any:
    return SimpleNamespace(format=text, data=data)


def test_png_is_read_exactly() -> None:
    np.testing.assert_array_equal(decode(compressed(jpeg(FRAME, ".png"), "png")), FRAME)


@pytest.mark.parametrize("text", ["jpeg", "jpg", "rgb8; jpeg compressed bgr8", "bgr8; jpeg compressed bgr8", ""])
def test_jpeg_is_read_as_rgb_whatever_its_format_field_says(text: str) -> None:
    frame = np.full((16, 16, 3), (220, 30, 60), np.uint8)
    assert np.abs(decode(compressed(jpeg(frame), text)).astype(int) - frame).max() <= 4


def test_red_and_blue_are_where_the_format_says() -> None:
    frame = np.full((16, 16, 3), (220, 30, 60), np.uint8)
    swapped = decode(compressed(jpeg(frame[..., ::-1]), "rgb8; jpeg compressed rgb8"))
    assert np.abs(swapped.astype(int) - frame).max() <= 4


def test_a_grey_picture_fills_all_three_channels() -> None:
    grey = RANDOM.integers(0, 256, (6, 8), np.uint8)
    data = cv2.imencode(".png", grey)[1].tobytes()
    np.testing.assert_array_equal(decode(compressed(data, "mono8; png compressed mono8")), np.dstack([grey] * 3))


@pytest.mark.parametrize("samples", [1, 3])
def test_sixteen_bits_are_narrowed_as_those_of_a_raw_image(samples: int) -> None:
    wide = RANDOM.integers(0, 65536, (6, 8, samples)).astype(np.uint16)
    data = cv2.imencode(".png", wide)[1].tobytes()
    expected = np.broadcast_to(np.rint(wide[..., ::-1] / 257).astype(np.uint8), (6, 8, 3))
    text = "mono16; png compressed " if samples == 1 else "rgb16; png compressed bgr16"
    np.testing.assert_array_equal(decode(compressed(data, text)), expected)


@pytest.mark.parametrize(("encoding", "kind"), [("bayer_rggb8", np.uint8), ("bayer_rggb16", np.uint16)])
def test_a_compressed_mosaic_is_turned_into_colours(encoding: str, kind: type) -> None:
    mosaic = RANDOM.integers(0, np.iinfo(kind).max, (8, 10)).astype(kind)
    data = cv2.imencode(".png", mosaic)[1].tobytes()
    colors = cv2.cvtColor(mosaic, cv2.COLOR_BayerRGGB2RGB)
    expected = colors if kind is np.uint8 else np.rint(colors / 257).astype(np.uint8)
    np.testing.assert_array_equal(decode(compressed(data, f"{encoding}; png compressed ")), expected)


def test_a_mosaic_that_jpeg_narrowed_is_turned_into_colours() -> None:
    mosaic = np.full((16, 16), 90, np.uint8)
    frame = decode(compressed(cv2.imencode(".jpg", mosaic)[1].tobytes(), "bayer_grbg16; jpeg compressed "))
    assert np.abs(frame.astype(int) - 90).max() <= 2


def test_a_bayer_camera_whose_picture_is_grey_already_is_left_so() -> None:
    data = jpeg(smooth_frame())
    np.testing.assert_array_equal(
        decode(compressed(data, "bayer_rggb8; jpeg compressed mono8")), decode(compressed(data))
    )


def test_jpeg_with_bytes_after_its_end_is_read() -> None:
    assert decode(compressed(jpeg(smooth_frame()) + bytes(7))).shape == (16, 24, 3)


def test_a_jpeg_that_wants_to_be_turned_is_left_as_it_lies() -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    plain = jpeg(smooth_frame())
    turned = plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape == (24, 16, 3)
    assert decode(compressed(turned)).shape == (16, 24, 3)


@pytest.mark.parametrize("kind", [".jpg", ".png"])
@given(share=st.floats(0, 0.999))
def test_a_picture_cut_off_anywhere_is_refused(kind: str, share: float) -> None:
    whole = jpeg(RANDOM.integers(0, 256, (24, 24, 3), np.uint8), kind)
    with pytest.raises(FrameError, match=r"truncated|corrupt|neither"):
        decode(compressed(whole[: int(share * len(whole))]))


@given(where=st.floats(0, 0.999), bit=st.integers(0, 7))
@settings(deadline=None)
def test_a_flipped_bit_in_a_png_never_goes_unseen(where: float, bit: int) -> None:
    damaged = bytearray(jpeg(smooth_frame(), ".png"))
    damaged[int(where * len(damaged))] ^= 1 << bit
    with pytest.raises(FrameError):
        decode(compressed(bytes(damaged)))


@pytest.mark.parametrize("kind", [".jpg", ".png"])
@given(data=st.data())
@settings(deadline=None)
def test_a_picture_with_flipped_bytes_is_refused_or_read(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(jpeg(smooth_frame(), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        frame = decode(compressed(bytes(damaged)), max_pixels=1_000_000)
    except FrameError:
        return
    assert frame.dtype == np.uint8
    assert frame.ndim == 3


@given(rubbish=st.binary(max_size=300), start=st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
def test_rubbish_that_claims_to_be_a_picture_is_refused(rubbish: bytes, start: bytes) -> None:
    with pytest.raises(FrameError):
        decode(compressed(start + rubbish))


@pytest.mark.parametrize("text", ["16UC1; compressedDepth", "16UC1; png compressed "])
def test_depth_is_refused(text: str) -> None:
    with pytest.raises(FrameError, match="holds depth"):
        decode(compressed(jpeg(FRAME, ".png"), text))


def test_an_enormous_jpeg_is_refused_before_it_is_decoded() -> None:
    data = bytearray(jpeg(smooth_frame()))
    frame_header = data.index(b"\xff\xc0")
    data[frame_header + 5 : frame_header + 9] = b"\xff\xdc\xff\xdc"
    with pytest.raises(FrameError, match="65500x65500"):
        decode(compressed(bytes(data)))


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_jpeg_goes_out_and_comes_back(library: SimpleNamespace, encoding: str) -> None:
    out = to_compressed(smooth_frame(), library.header, library.Compressed, 95, encoding=encoding)
    assert out.header is library.header
    assert out.format == f"{encoding}; jpeg compressed bgr8"
    assert np.abs(decode(out).astype(int) - smooth_frame()).mean() < 4


def test_a_mask_goes_out_as_png_and_comes_back_exactly(library: SimpleNamespace) -> None:
    mask = RANDOM.choice(np.array([0, 1, 10, 255], np.uint8), (33, 47))
    out = to_png(mask, library.header, library.Compressed)
    assert out.header is library.header
    assert out.format == "mono8; png compressed mono8"
    np.testing.assert_array_equal(cv2.imdecode(np.array(out.data), cv2.IMREAD_UNCHANGED), mask)


@pytest.mark.parametrize("mask", [FRAME, FRAME[:0, :, 0], FRAME[..., 0].astype(np.int64)])
def test_what_is_no_mask_is_not_written_as_png(mask: np.ndarray) -> None:
    with pytest.raises(FrameError, match="a mask is"):
        to_png(mask, None, SimpleNamespace)


def test_lower_quality_makes_fewer_bytes(library: SimpleNamespace) -> None:
    sizes = [len(to_compressed(FRAME, library.header, library.Compressed, quality).data) for quality in (10, 95)]
    assert sizes[0] < sizes[1]
