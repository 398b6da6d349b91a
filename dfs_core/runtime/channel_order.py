"""Frames that are RGB to index but lie in memory as B, G, R, as most cameras send them: views, not copies."""

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


def has_blue_first(frame: Frames) -> bool:
    """Return whether RGB pixels [..., 3] lie in memory as B, G, R."""
    return frame.strides[-1] < 0


def as_lies(frame: Frames, *, blue_first: bool) -> Frames:
    """Return the same frame with its pixels in a certain order in memory, without gaps; copied only if need be."""
    return np.ascontiguousarray(frame[..., ::-1])[..., ::-1] if blue_first else np.ascontiguousarray(frame)


def without_gaps(frame: Frames) -> Frames:
    """Return the same frame in the order in which it lies; copied only if need be."""
    return as_lies(frame, blue_first=has_blue_first(frame))


def copy_frame(frame: Frames, target: Frames) -> None:
    """Write a frame [H, W, 3] over another of its size, each in the order in which it lies, without gaps."""
    blue_first = has_blue_first(target)
    if has_blue_first(frame) == blue_first:
        np.copyto(target, frame)
        return
    import cv2  # numpy takes ten times as long; here, as a start should not wait for it

    source, memory = (array[..., ::-1] if has_blue_first(array) else array for array in (frame, target))
    cv2.cvtColor(source, cv2.COLOR_RGB2BGR, dst=memory)


def room_like(frame: Frames, count: int) -> Frames:
    """Return room for some frames, uint8 [N, H, W, 3], that lies in the order of one, [H, W, 3]."""
    room = np.empty((count, *frame.shape), np.uint8)
    return room[..., ::-1] if has_blue_first(frame) else room
