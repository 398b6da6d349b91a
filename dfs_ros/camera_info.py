"""The calibration that goes with an image of another size."""

import copy
from typing import Any


def for_image(info: Any, header: Any) -> Any:
    """Return a sensor_msgs/CameraInfo with the header of the image that it goes with."""
    own = copy.copy(info)
    own.header = header
    return own


def scaled(info: Any, *, from_size: tuple[int, int], to_size: tuple[int, int]) -> Any:
    """Return a sensor_msgs/CameraInfo for the same view at another size; width and height may scale differently.

    Pixel centres lie at whole coordinates, so the picture's corner is at -0.5 and the principal point shifts, too. A
    calibration of the whole sensor, of which the image shows a part or every second pixel, remains one: it shrinks as
    the image does, and its binning and region still hold.

    Args:
        info: calibration of the original image.
        from_size: height and width of the original image in pixels.
        to_size: height and width of the other in pixels.
    """
    across, down = to_size[1] / from_size[1], to_size[0] / from_size[0]
    new = copy.deepcopy(info)
    new.height, new.width = round(info.height * down), round(info.width * across)
    for matrix, columns in ((new.k, 3), (new.p, 4)):
        matrix[0] *= across
        matrix[2] = (matrix[2] + 0.5) * across - 0.5
        matrix[columns + 1] *= down
        matrix[columns + 2] = (matrix[columns + 2] + 0.5) * down - 0.5
    new.p[3] *= across
    new.p[7] *= down
    new.roi.x_offset, new.roi.width = round(new.roi.x_offset * across), round(new.roi.width * across)
    new.roi.y_offset, new.roi.height = round(new.roi.y_offset * down), round(new.roi.height * down)
    return new
