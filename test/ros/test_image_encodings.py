"""Every encoding against OpenCV's own conversion, and cv_bridge's where it is installed."""

import sys
import tracemalloc
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfs_ros.image_encodings import ENCODINGS
from dfs_ros.image_error import ImageError
from dfs_ros.image_message import MAX_PIXELS, decode, to_array

HEIGHT, WIDTH = 14, 22
OPENCV_CODES = {
    "bgr8": cv2.COLOR_BGR2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
    "mono8": cv2.COLOR_GRAY2RGB,
    "bayer_rggb8": cv2.COLOR_BayerRGGB2RGB,
    "bayer_bggr8": cv2.COLOR_BayerBGGR2RGB,
    "bayer_gbrg8": cv2.COLOR_BayerGBRG2RGB,
    "bayer_grbg8": cv2.COLOR_BayerGRBG2RGB,
    "uyvy": cv2.COLOR_YUV2RGB_UYVY,
    "yuv422": cv2.COLOR_YUV2RGB_UYVY,
    "yuyv": cv2.COLOR_YUV2RGB_YUYV,
    "yuv422_yuy2": cv2.COLOR_YUV2RGB_YUY2,
    "nv12": cv2.COLOR_YUV2RGB_NV12,
    "nv21": cv2.COLOR_YUV2RGB_NV21,
}
OPENCV_CODES |= {
    f"{family}16": OPENCV_CODES[f"{family}8"]
    for family in ("bgr", "rgba", "bgra", "mono", "bayer_rggb", "bayer_bggr", "bayer_gbrg", "bayer_grbg")
}
CV_BRIDGE_ENCODINGS = ("mono8", "bgr8", "rgba8", "bgra8", "yuv422", "bayer_rggb8", "bayer_bggr8", "bayer_gbrg8")


def random_pixels(encoding: str) -> np.ndarray:
    """Return noise in the shape that OpenCV wants an encoding in, in the machine's byte order."""
    rows = HEIGHT * 3 // 2 if encoding in {"nv12", "nv21"} else HEIGHT
    samples = ENCODINGS[encoding].samples
    shape = (rows, WIDTH) if samples == 1 else (rows, WIDTH, samples)
    kind = np.uint16 if encoding.endswith("16") else np.uint8
    return np.random.default_rng(5).integers(0, np.iinfo(kind).max + 1, shape).astype(kind)


def message(encoding: str, pixels: np.ndarray, *, padding: int = 0, big: bool = sys.byteorder == "big") -> Any:
    """Return a message of these pixels, each row followed by rubbish."""
    ordered = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<"))
    rows = ordered.reshape(len(pixels), -1).view(np.uint8)
    data = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xA5)
    size = {"height": HEIGHT, "width": WIDTH, "step": data.shape[1]}
    return SimpleNamespace(encoding=encoding, is_bigendian=int(big), data=data.tobytes(), **size)


def in_8_bits(pixels: np.ndarray) -> np.ndarray:
    return np.rint(pixels / 257).astype(np.uint8) if pixels.dtype == np.uint16 else pixels


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("encoding", OPENCV_CODES)
def test_a_conversion_is_opencvs(encoding: str, big: bool, padding: int) -> None:
    pixels = random_pixels(encoding)
    if encoding == "mono16" or encoding.startswith(("bgr", "rgb")):
        expected = cv2.cvtColor(in_8_bits(pixels), OPENCV_CODES[encoding])
    else:
        expected = in_8_bits(cv2.cvtColor(pixels, OPENCV_CODES[encoding]))
    frame = to_array(message(encoding, pixels, padding=padding, big=big))
    np.testing.assert_array_equal(frame, expected)
    assert frame.flags.c_contiguous


@pytest.mark.parametrize("encoding", ["rgb8", "rgb16"])
def test_rgb_stays_as_it_is(encoding: str) -> None:
    pixels = random_pixels(encoding)
    np.testing.assert_array_equal(to_array(message(encoding, pixels, padding=4)), in_8_bits(pixels))


def test_every_encoding_is_compared() -> None:
    assert set(ENCODINGS) - set(OPENCV_CODES) == {"rgb8", "rgb16", "8UC1", "8UC3", "nv24"}


def test_nv24_is_nv12_where_chroma_is_shared_by_four() -> None:
    nv12 = random_pixels("nv12")
    chroma = nv12[HEIGHT:].reshape(HEIGHT // 2, WIDTH // 2, 2).repeat(2, axis=0).repeat(2, axis=1)
    nv24 = np.vstack([nv12[:HEIGHT], chroma.reshape(2 * HEIGHT, WIDTH)])
    np.testing.assert_array_equal(to_array(message("nv24", nv24)), to_array(message("nv12", nv12)))


def test_nv24_has_a_colour_of_its_own_for_every_pixel_and_any_size() -> None:
    size = {"height": 1, "width": 3, "step": 3}
    data = bytes([81, 145, 41, 90, 240, 54, 34, 240, 110])  # red, green and blue of BT.601
    frame = to_array(SimpleNamespace(encoding="nv24", is_bigendian=0, data=data, **size))
    assert np.abs(frame[0].astype(int) - 255 * np.eye(3)).max() <= 3


def test_padded_nv24_is_refused() -> None:
    with pytest.raises(ImageError, match="without padding only"):
        to_array(message("nv24", np.zeros((3 * HEIGHT, WIDTH), np.uint8), padding=2))


@pytest.mark.parametrize("encoding", CV_BRIDGE_ENCODINGS)
def test_a_conversion_is_cv_bridges(encoding: str) -> None:
    """By its conversion alone: the one on PyPI does not read messages with OpenCV 5."""
    bridge = pytest.importorskip(
        "cv_bridge.boost.cv_bridge_boost",
        reason="needs cv_bridge: of a ROS 2 installation, or PyPI's",
        exc_type=ImportError,
    )
    pixels = random_pixels(encoding)
    np.testing.assert_array_equal(to_array(message(encoding, pixels)), bridge.cvtColor2(pixels, encoding, "rgb8"))


TEXTS = st.sampled_from([*ENCODINGS, "jpeg", "32FC1"]) | st.text()
WORDS = st.integers(0, 12) | st.integers(0, 2**32 - 1)


@given(
    encoding=TEXTS,
    height=WORDS,
    width=WORDS,
    step=st.integers(0, 80) | st.integers(0, 2**32 - 1),
    is_bigendian=st.integers(0, 255),
    data=st.binary(max_size=600),
)
@settings(max_examples=300, deadline=None)
def test_a_malformed_image_is_refused_in_words_and_costs_no_memory(**fields: Any) -> None:
    _refused_in_words_or_small(lambda: to_array(SimpleNamespace(**fields)), given=len(fields["data"]))


@st.composite
def nearly_images(draw: st.DrawFn) -> Any:
    """Draw an image that is right but for one field."""
    encoding = draw(st.sampled_from(sorted(set(OPENCV_CODES) | {"rgb8"})))
    image = message(encoding, random_pixels(encoding), padding=draw(st.integers(0, 3)))
    field = draw(st.sampled_from(["encoding", "height", "width", "step", "data", "is_bigendian"]))
    bytes_or_words = st.binary(max_size=3000) if field == "data" else WORDS
    setattr(image, field, draw(TEXTS if field == "encoding" else bytes_or_words))
    return image


@given(image=nearly_images())
@settings(max_examples=300, deadline=None)
def test_an_image_with_one_wrong_field_is_refused_in_words_or_read(image: Any) -> None:
    _refused_in_words_or_small(lambda: to_array(image), given=len(image.data))


@given(
    head=st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"]),
    body=st.binary(max_size=400),
    text=st.sampled_from(["bgr8; jpeg compressed bgr8", "bayer_rggb16; png compressed ", "png"]) | st.text(),
)
@settings(max_examples=300, deadline=None)
def test_a_malformed_compressed_image_is_refused_in_words_and_costs_no_memory(
    head: bytes, body: bytes, text: str
) -> None:
    _refused_in_words_or_small(lambda: decode(SimpleNamespace(format=text, data=head + body)), given=len(body))


@given(height=st.integers(0, 65535), width=st.integers(0, 65535))
@settings(max_examples=100, deadline=None)
def test_a_small_jpeg_cannot_claim_a_large_picture(height: int, width: int) -> None:
    data = bytearray(cv2.imencode(".jpg", np.full((16, 24, 3), 90, np.uint8))[1].tobytes())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    _refused_in_words_or_small(lambda: decode(SimpleNamespace(format="jpeg", data=bytes(data))), given=len(data))


def test_a_name_without_end_does_not_fill_the_log() -> None:
    image = message("rgb8", random_pixels("rgb8"))
    image.encoding = "x\n" * 10_000
    with pytest.raises(ImageError) as refusal:
        to_array(image)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 600


def _refused_in_words_or_small(read: Any, *, given: int) -> None:
    """Read an image; what it may take is in proportion to the bytes that came."""
    tracemalloc.start()
    try:
        frame = read()
    except ImageError as error:
        outcome = len(str(error)) > len(error.reason) > 0
    else:
        outcome = frame.dtype == np.uint8 and frame.shape[0] * frame.shape[1] <= MAX_PIXELS
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert outcome
    assert peak < 200_000 + 8 * 64 * 8 * given
