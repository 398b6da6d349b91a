"""How much a video and what became of it flicker from one frame to the next, unless that has been found before."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from dfs_core.evaluation.measure import Bench, Examined
from dfs_core.evaluation.methods.method import Image
from dfs_core.evaluation.photographs import Photograph
from dfs_core.evaluation.predictions import Prediction, fingerprint, key_of
from dfs_core.metrics.flicker import Steadiness, find_motion, measure_steadiness


@dataclass(frozen=True)
class _Shot:
    video: str
    frame: Image
    fingerprint: str
    examined: Sequence[Examined]


class Pairs:
    """Takes frame after frame, and compares each with the one before where both belong to one video."""

    def __init__(self, bench: Bench) -> None:
        """Begin.

        Args:
            bench: who examined the frames, and where figures are kept.
        """
        self._bench = bench
        self._before: _Shot | None = None

    def interrupt(self) -> None:
        """Forget the frame before: one is missing, and the next would be compared with one two apart."""
        self._before = None

    def compare(self, photograph: Photograph, examined: Sequence[Examined]) -> dict[str, Steadiness] | None:
        """Return how each method kept, by name, `hazy` being the input itself.

        Methods whose figures are not kept are asked for both dehazed frames.

        Args:
            photograph: the next frame.
            examined: what was found of each method on it.

        Returns:
            Nothing, {}, if the pair is skipped, as its motion cannot be found; None if the frame has none before it.

        Raises:
            FrameError: the frames of the video, or a dehazed one, differ in shape.
            OutputError: figures cannot be kept.
        """
        before, self._before = self._before, None
        if photograph.video is None:
            return None
        now = _Shot(photograph.video, photograph.frame, fingerprint(photograph.frame), examined)
        found = None if before is None or before.video != now.video else self._found(before, now)
        self._before = now
        return found

    def _found(self, before: _Shot, now: _Shot) -> dict[str, Steadiness]:
        keys = {
            method.name: key_of("flicker", method.key, before.fingerprint, now.fingerprint)
            for method in self._bench.methods
        }
        kept = {name: self._bench.predictions.get(key) for name, key in keys.items()}
        if unknown := {name for name, entry in kept.items() if entry is None}:
            motion = find_motion(before.frame, now.frame)
            past = {entry.model: entry.dehazed for entry in before.examined}
            present = {entry.model: entry.dehazed for entry in now.examined}
            new = {
                name: Prediction(
                    {} if motion is None else asdict(measure_steadiness(past[name](), present[name](), motion))
                )
                for name in unknown
            }
            self._bench.predictions.put({keys[name]: entry for name, entry in new.items()})
            kept |= new
        return {name: Steadiness(**entry.figures) for name, entry in kept.items() if entry and entry.figures}  # type: ignore[arg-type]
