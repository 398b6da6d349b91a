"""Compressed images in and out of messages: whole, cut off, damaged, and of both message libraries."""

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfs_core.errors import FrameError
from dfs_ros.image_message import decode, to_compressed

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


def test_depth_is_refused() -> None:
    with pytest.raises(FrameError, match="holds depth"):
        decode(compressed(jpeg(FRAME, ".png"), "16UC1; compressedDepth"))


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


def test_lower_quality_makes_fewer_bytes(library: SimpleNamespace) -> None:
    sizes = [len(to_compressed(FRAME, library.header, library.Compressed, quality).data) for quality in (10, 95)]
    assert sizes[0] < sizes[1]
