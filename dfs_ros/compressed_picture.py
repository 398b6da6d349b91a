"""Whether the bytes of a JPEG or PNG are all there, and how large the picture in them is, before any of it is decoded.

Decoders are too kind for a vehicle: a JPEG that was cut off comes back with its lower part grey and no error.
"""

import zlib
from dataclasses import dataclass

from dfs_ros.image_error import ImageError

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_START_OF_SCAN = 0xDA
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # tables and reserved codes lie between them
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_MOST_PIXELS_PER_BYTE = 8 * 64  # a block of 8x8 takes one bit at least
_PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class PictureHeader:
    """What a compressed picture says of itself: "jpeg" or "png", and its size in pixels."""

    kind: str
    height: int
    width: int


def inspect(data: bytes) -> PictureHeader:
    """Return the kind and size of a whole JPEG or PNG.

    Bit errors inside a JPEG's picture data stay unseen, as JPEG has no checksum.

    Raises:
        ImageError: it is neither, its header is damaged, or its end is missing.
    """
    if data.startswith(_JPEG_START):
        return _inspect_jpeg(data)
    if data.startswith(_PNG_START):
        return _inspect_png(data)
    start = data[:8].hex(" ") or "nothing"
    raise ImageError(
        "not a picture", f"{len(data)} bytes that start with {start} are neither JPEG nor PNG; send one of those"
    )


def _inspect_jpeg(data: bytes) -> PictureHeader:
    """Walk the segments up to the picture data, then look for the end marker, which cannot occur within it."""
    position, size = 2, None
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise ImageError(
                "corrupt", f"corrupt JPEG: no marker at byte {position} of {len(data)}; the frame is dropped"
            )
        marker = data[position + 1]
        if marker == 0xFF or marker in _WITHOUT_LENGTH:
            position += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in _FRAME_HEADERS and position + 9 <= len(data):
            height, width = (int.from_bytes(data[position + at : position + at + 2], "big") for at in (5, 7))
            size = height, width
        position += 2 + length
        if marker == _START_OF_SCAN:
            if size is None:
                raise ImageError("corrupt", "corrupt JPEG: picture data before the frame header; the frame is dropped")
            if data.find(_JPEG_END, position) < 0:
                raise ImageError(
                    "truncated", f"truncated JPEG: its {len(data)} bytes hold no end marker; the frame is dropped"
                )
            if size[0] * size[1] > _MOST_PIXELS_PER_BYTE * len(data):
                raise ImageError(
                    "corrupt",
                    f"corrupt JPEG: {len(data)} bytes cannot hold {size[1]}x{size[0]} pixels; the frame is dropped",
                )
            return PictureHeader("jpeg", *size)
    raise ImageError(
        "truncated", f"truncated JPEG: its {len(data)} bytes end before the picture data; the frame is dropped"
    )


def _inspect_png(data: bytes) -> PictureHeader:
    """Walk the chunks to the closing one, comparing each with its checksum."""
    position, header = len(_PNG_START), b""
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if end > len(data):
            break
        kind, content = data[position + 4 : position + 8], memoryview(data)[position + 4 : end - 4]
        if zlib.crc32(content) != int.from_bytes(data[end - 4 : end], "big"):
            raise ImageError("corrupt", f"corrupt PNG: chunk {kind!r} fails its checksum; the frame is dropped")
        if position == len(_PNG_START):
            header = bytes(content) if kind == b"IHDR" else b""
        if kind == b"IEND":
            if len(header) < 12:
                raise ImageError("corrupt", "corrupt PNG: it does not begin with its header; the frame is dropped")
            height, width = int.from_bytes(header[8:12], "big"), int.from_bytes(header[4:8], "big")
            return PictureHeader("png", height, width)
        position = end
    raise ImageError("truncated", f"truncated PNG: its {len(data)} bytes hold no closing chunk; the frame is dropped")
