"""Pictures as a report carries them: small, but with the detail that one wants to see."""

import cv2

from dfs_core.evaluation.methods.method import Image

WIDTH = 960
"""Wider pictures are shrunk to it."""
QUALITY = 88


def encode_photograph(picture: Image) -> bytes:
    """Return a picture, RGB uint8 [H, W, 3], as the bytes of a JPEG file."""
    shown = _shrunk(picture, cv2.INTER_AREA)
    return cv2.imencode(".jpg", shown[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def encode_mask(painting: Image) -> bytes:
    """Return a label map in colours, RGB uint8 [H, W, 3], as the bytes of a PNG file, no colours mixed."""
    shown = _shrunk(painting, cv2.INTER_NEAREST_EXACT)
    return cv2.imencode(".png", shown[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 6])[1].tobytes()


def _shrunk(picture: Image, interpolation: int) -> Image:
    height, width = picture.shape[:2]
    if width <= WIDTH:
        return picture
    return cv2.resize(picture, (WIDTH, max(1, round(height * WIDTH / width))), interpolation=interpolation)
