"""What one camera's viewers see: written by the node's thread, read by the page server's."""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dfs_core.labels import LabelClass
from dfs_ros.mask_message import to_mask
from dfs_ros.viewer_frame import CAMERA, DEHAZED, MASK, Counterparts, Frame, Message
from dfs_ros.viewer_state import Report, describe


@dataclass(frozen=True)
class Source:
    """Where a camera's images and the answers to them are.

    Attributes:
        images: topic of its images, raw or compressed.
        answers: what the dehaze node's topics for it lie below, such as /front/dehaze_node.
    """

    images: str
    answers: str


class Feed:
    """The newest frame, report and visibility of a camera, for any number of viewers."""

    def __init__(self, source: Source, *, on_audience: Callable[[], None]) -> None:
        """Begin with nothing; `on_audience` is called, in any thread, when the first viewer comes or the last goes."""
        self.source = source
        self.labels: Sequence[LabelClass] = ()
        self.visibility_m = math.nan
        self.report: Report | None = None
        self._on_audience = on_audience
        self._counterparts = Counterparts()
        self._frame: Frame | None = None
        self._count = 0
        self._viewers = 0
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    @property
    def is_watched(self) -> bool:
        """Whether it has viewers."""
        return self._viewers > 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count a viewer while inside the `with` block."""
        self._change_audience(+1)
        try:
            yield
        finally:
            self._change_audience(-1)

    def put(self, part: str, message: Message) -> None:
        """Take a message, and show its frame if that is complete now.

        Raises:
            ImageError: it is a mask that cannot be read; its frame is shown without.
        """
        if part == MASK:
            to_mask(message)
        parts = self._counterparts.put(part, message)
        if parts is None:
            return
        self._count += 1
        stamp = parts[CAMERA].header.stamp
        frame = Frame(
            number=self._count,
            stamp=(stamp.sec, stamp.nanosec),
            camera=parts[CAMERA],
            dehazed=parts[DEHAZED],
            mask=parts.get(MASK),
            labels=self.labels,
            born=time.monotonic(),
        )
        with self._lock:
            self._frame = frame
            waiting, self._waiting = self._waiting, {}
        for event, loop in waiting.items():
            loop.call_soon_threadsafe(event.set)

    def forget(self) -> None:
        """Let go of all frames and what was said of them, as nobody looks."""
        self._counterparts.clear()
        self._frame = self.report = None
        self.visibility_m = math.nan

    async def newer(self, number: int, patience_s: float) -> Frame | None:
        """Return a frame of a higher number, waiting for one if need be; None when none came in that time."""
        event = asyncio.Event()
        with self._lock:
            if self._frame is not None and self._frame.number > number:
                return self._frame
            self._waiting[event] = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(event.wait(), patience_s)
        except asyncio.TimeoutError:
            return None
        finally:
            with self._lock:
                self._waiting.pop(event, None)
        return self._frame

    def condition(self) -> dict[str, Any]:
        """Return how things are, fit for JSON: state, words, visibility_m, level and values of the node's report."""
        now, frame, report = time.monotonic(), self._frame, self.report
        age = now - frame.born if frame is not None else None
        state, words = describe(report, now=now, frame_age_s=age, topic=self.source.images, node=self.source.answers)
        visibility = self.visibility_m
        return {
            "state": state,
            "words": words,
            "visibility_m": None if math.isnan(visibility) else min(max(visibility, 0.0), 1e6),
            "level": report.level if report is not None else None,
            "report": report.message if report is not None else "",
            "values": dict(report.values) if report is not None else {},
        }

    def _change_audience(self, change: int) -> None:
        with self._lock:
            before, self._viewers = self._viewers, self._viewers + change
            changed = (before > 0) != (self._viewers > 0)
        if changed:
            self._on_audience()
