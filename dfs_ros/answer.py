"""What a dehaze node is asked about a frame, and what there is to say of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image


@dataclass(frozen=True)
class Wishes:
    """What the model is asked for."""

    dehazed: bool
    mask: bool
    visibility: bool

    def __bool__(self) -> bool:
        """Say whether there is any."""
        return self.dehazed or self.mask or self.visibility


@dataclass(frozen=True)
class Answer:
    """What there is to say of one frame.

    Attributes:
        message: the Image or CompressedImage that it came as.
        encoding: in which images are answered: "rgb8", "bgr8" or "mono8".
        size: height and width of the frame.
        dehazed: RGB, uint8 [H, W, 3]; None when nobody wants it.
        passed: whether `dehazed` is the frame as it came.
        mask: class ids, uint8 [h, w]; None when nobody wants it.
        attenuation: β in 1/m; not a number where the model does not tell it.
        calibration: the camera's newest CameraInfo, if any.
    """

    message: Image | CompressedImage
    encoding: str
    size: tuple[int, int]
    dehazed: NDArray[np.uint8] | None
    passed: bool
    mask: NDArray[np.uint8] | None
    attenuation: float
    calibration: CameraInfo | None
