"""The model of a dehaze node and the thread that runs it: loaded, fed, exchanged for another, and freed."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from dfs_core.engines.ending import end_builds
from dfs_core.runtime import Dehazer, load
from dfs_core.runtime.trial import try_out
from dfs_ros import rounds
from dfs_ros.camera_input import Arrival
from dfs_ros.camera_stream import CameraStream
from dfs_ros.dehaze_parameters import DehazeParameters
from dfs_ros.dehazing import Kind
from dfs_ros.mailbox import Mailbox
from dfs_ros.model_roots import ModelRoots
from dfs_ros.model_statistics import ModelStatistics
from dfs_ros.worker import Worker


class ModelRunner:
    """Runs one model for several cameras.

    Attributes:
        dehazer: the model in use.
        statistics: of its calls.
    """

    def __init__(
        self, cameras: Sequence[CameraStream], *, parameters: Callable[[], DehazeParameters], roots: ModelRoots
    ) -> None:
        """Load nothing yet.

        Args:
            cameras: whom it is for.
            parameters: gives the current ones.
            roots: where models may lie.
        """
        self._cameras = cameras
        self._parameters = parameters
        self._roots = roots
        self.dehazer: Dehazer | None = None
        self.statistics = ModelStatistics()
        self._mailbox: Mailbox[rounds.Item] = Mailbox()
        self._worker = Worker(
            self._mailbox,
            open_resource=self._open_first,
            handle=partial(rounds.answer, statistics=self.statistics),
            on_failure=self._round_failed,
            window=lambda: parameters().batch_window_ms / 1e3,
        )

    def start(self, *, wait_while: Callable[[], bool]) -> Dehazer:
        """Load the model in the thread that will run it, and return it.

        Args:
            wait_while: asked ten times a second whether to wait on.

        Raises:
            DfsError: the model cannot be loaded, or answers what is no number.
            RuntimeError: the wait was given up.
        """
        if not self._worker.start(wait_while=wait_while) or self.dehazer is None:
            end_builds()
            raise RuntimeError("interrupted while the model was being loaded")
        return self.dehazer

    def put(self, camera: CameraStream, arrival: Arrival) -> None:
        """Keep a camera's newest image; an older one that still waits, or one too many, is dropped and counted."""
        if not camera.is_due():
            camera.statistics.frame_was_skipped()
            return
        replaced = self._mailbox.put(camera.name, (camera, arrival))
        camera.statistics.frame_came(superseded=replaced is not None)

    def exchange(self) -> Dehazer | None:
        """Load the model that the parameters name now, and let it take over once it is warm; return it.

        The one before serves until then, and goes on if the new one is refused. Takes seconds, and is for a
        thread of its own. Nothing is returned when the runner was stopped meanwhile.

        Raises:
            DfsError: the new model cannot be loaded, does not run, or answers what is no number.
        """
        dehazer = self._open()

        def take_over() -> None:
            self.dehazer = dehazer
            for camera in self._cameras:
                camera.use_labels(dehazer.artifact.labels)

        return dehazer if self._worker.replace(dehazer, on_change=take_over) else None

    def finish(self, timeout: float) -> None:
        """Wait until what has come is answered, at most `timeout` seconds."""
        self._mailbox.wait_until_done(timeout)

    def stop(self, timeout: float) -> bool:
        """Free the model and end the thread; say whether it ended within `timeout` seconds."""
        self.dehazer = None
        end_builds()
        return self._worker.stop(timeout)

    def _open_first(self) -> Dehazer:
        self.dehazer = self._open()
        return self.dehazer

    def _open(self) -> Dehazer:
        """Return a model that answers with numbers, and has run once on frames like those that come."""
        parameters = self._parameters()
        dehazer = load(
            self._roots.resolve(parameters.model),
            parameters.backend,
            precision=parameters.precision,
            threads=parameters.threads or None,
        )
        try:
            expected = Kind(*dehazer.usual_frames[1:], dehaze=True, segment=True)
            kinds = Counter(camera.newest_kind or expected for camera in self._cameras)
            try_out(dehazer, *next(iter(kinds))[:2])
            for kind, count in kinds.items():
                dehazer.warm_up(kind.height, kind.width, batch=count, dehaze=kind.dehaze, segment=kind.segment)
        except BaseException:
            dehazer.close()
            raise
        return dehazer

    def _round_failed(self, items: Sequence[rounds.Item], error: Exception) -> None:
        for camera, arrival in items:
            camera.frame_failed(arrival, error)
