"""What the worker does with the images that wait, of one camera or of several: frames that are alike are one batch."""

import time
from collections.abc import Sequence

from dfs_core.runtime import Dehazer
from dfs_ros.camera_input import Arrival
from dfs_ros.camera_stream import CameraStream
from dfs_ros.dehazing import Kind, Question
from dfs_ros.model_statistics import ModelStatistics

Item = tuple[CameraStream, Arrival]
_Read = tuple[CameraStream, Question]


def answer(dehazer: Dehazer, items: Sequence[Item], *, statistics: ModelStatistics) -> None:
    """Answer every message by as few calls of the model as their sizes and wishes allow, in the order of the oldest.

    What cannot be read, processed or published is told to its camera, and costs the other cameras nothing.
    """
    start = time.perf_counter()
    batches: dict[Kind, list[_Read]] = {}
    for camera, arrival in items:
        with camera.answers_for(arrival):
            question = camera.dehazing.read(arrival)
            if question is not None:
                batches.setdefault(question.kind, []).append((camera, question))
    for batch in batches.values():
        _answer_batch(dehazer, batch, statistics)
    if batches:
        statistics.round_is_over(seconds=time.perf_counter() - start)


def _answer_batch(dehazer: Dehazer, batch: Sequence[_Read], statistics: ModelStatistics) -> None:
    """Answer frames of one size; should the model fail on all together, it is asked for one after the other."""
    wishes = batch[0][1].wishes
    rooms = [question.room for _, question in batch if question.room is not None]
    start = time.perf_counter()
    try:
        result = dehazer(
            [question.frame for _, question in batch],
            dehaze=wishes.dehazed,
            segment=wishes.mask,
            adjustments=[camera.dehazing.adjustment(question) for camera, question in batch],
            out=rooms if len(rooms) == len(batch) else (),
        )
    except Exception as error:  # noqa: BLE001 - whatever a backend raises is told
        if len(batch) == 1:
            camera, question = batch[0]
            camera.frame_failed(question.arrival, error)
        else:
            for one in batch:
                _answer_batch(dehazer, [one], statistics)
        return
    seconds = time.perf_counter() - start
    statistics.model_was_called(len(batch), seconds=seconds)
    for index, (camera, question) in enumerate(batch):
        question.stopwatch.seconds["model"] = seconds
        with camera.answers_for(question.arrival):
            camera.dehazing.answer(question, result.of_frame(index), dehazer.artifact)
            camera.trace(question, batch=len(batch))
