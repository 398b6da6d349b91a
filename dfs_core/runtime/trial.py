"""Try a model on a frame before it serves: weights that were damaged or overflow answer what is no number."""

import numpy as np

from dfs_core.errors import BackendError
from dfs_core.labels import UNLABELLED
from dfs_core.runtime.adjustment import Adjustment, Floats
from dfs_core.runtime.dehazer import Dehazer, Frames


def try_out(dehazer: Dehazer, height: int, width: int) -> None:
    """Run a model on one frame of that size, of all brightnesses, and refuse it for what it answers.

    Backends that run the whole graph do not tell gain and offset, which then show as one colour everywhere.

    Raises:
        BackendError: the fog density of a model that tells one, or a gain or offset, is not finite; a label is none of
            its classes; the whole frame became one colour; or the backend failed.
    """
    told: list[Floats] = []

    def look(restoration: Floats) -> Floats:
        told.append(restoration.copy())
        return restoration

    frame = _gradients(height, width)
    result = dehazer(frame[None], adjustments=[Adjustment(steady=look)] if dehazer.steadies else ())
    density = float(result.fog_density[0])
    if not dehazer.artifact.draws and not np.isfinite(density):
        raise _refusal(dehazer, f"a fog density of {density}")
    if bad := sum(int(np.count_nonzero(~np.isfinite(planes))) for planes in told):
        count = sum(planes.size for planes in told)
        raise _refusal(dehazer, f"{bad} of {count} gains and offsets of the dehazed frame that are not finite")
    if not told and result.dehazed is not None and _is_one_colour(result.dehazed[0]) and not _is_one_colour(frame):
        raise _refusal(dehazer, "one colour for a whole frame of many")
    _check_labels(dehazer, result.mask)


def _check_labels(dehazer: Dehazer, mask: Frames | None) -> None:
    labels = dehazer.artifact.labels
    found = np.unique(mask) if mask is not None else np.empty(0, np.uint8)
    unknown = found[(found >= len(labels)) & (found != UNLABELLED)]
    if len(unknown):
        ids = ", ".join(map(str, unknown))
        raise _refusal(dehazer, f"labels {ids}, and its label set '{labels.name}' ends at {len(labels) - 1}")


def _refusal(dehazer: Dehazer, answer: str) -> BackendError:
    return BackendError(
        f"{dehazer.artifact.name} on {dehazer.backend} in {dehazer.precision} answered a trial frame with {answer}; "
        "choose another backend or precision, or export the model again with `dfs export`, which checks it"
    )


def _gradients(height: int, width: int) -> Frames:
    """Return a frame uint8 [H, W, 3]: red grows to the right, green downwards, blue from corner to corner."""
    rows, columns = np.linspace(0.0, 255.0, height)[:, None], np.linspace(0.0, 255.0, width)[None]
    red, green = np.broadcast_to(columns, (height, width)), np.broadcast_to(rows, (height, width))
    return np.stack([red, green, 255.0 - (red + green) / 2.0], axis=2).astype(np.uint8)


def _is_one_colour(frame: Frames) -> bool:
    return bool((frame == frame[0, 0]).all())
