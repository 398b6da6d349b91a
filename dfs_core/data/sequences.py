"""Divide frames into training and validation without tearing apart what was recorded together."""

import re
from collections import defaultdict
from collections.abc import Iterable


def sequence_of(name: str) -> str:
    """Return the recording that a frame belongs to: its name without the number at its end and what leads to it."""
    return re.sub(r"[-_]?\d+$", "", name)


def divide(names: Iterable[str], train_share: float) -> tuple[list[str], list[str]]:
    """Return the names to train on and to validate on, each in order.

    Frames of one recording look alike, so a recording is not divided: the shortest ones, as long as they fit into
    what is left for validation but at least one, are validated on. A single recording is cut once, and its end is
    validated on.

    Args:
        names: of at least one frame; they end in their number in the recording.
        train_share: share of the frames to train on, in (0, 1).
    """
    recordings = defaultdict(list)
    for name in sorted(names):
        recordings[sequence_of(name)].append(name)
    frames = sum(map(len, recordings.values()))
    room = min(max(1, round((1.0 - train_share) * frames)), frames - 1)
    if len(recordings) == 1:
        (only,) = recordings.values()
        return only[: frames - room], only[frames - room :]
    train: list[str] = []
    validation: list[str] = []
    for members in sorted(recordings.values(), key=lambda members: (len(members), members)):
        fits = not train and len(validation) + len(members) <= room
        (validation if fits or not validation else train).extend(members)
    return sorted(train), sorted(validation)
