"""How near a model file comes to the network in torch that it was made of, on every backend that is here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dfs_core import artifact
from dfs_core.errors import ArtifactError
from dfs_core.runtime.probes import missing_packages

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dfs_core.export.drawn import DrawnPipeline
    from dfs_core.models.pipeline import Network
    from dfs_core.runtime import Dehazer

BACKENDS = {"onnxruntime": (("onnxruntime",), "onnxruntime"), "openvino": (("openvino", "numba"), "cpu")}
"""Those that a file is compared on: the packages that each needs, and the extra that installs them."""


class Frames(NamedTuple):
    """How many frames are given at once, and how large they are."""

    batch: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.batch} × {self.width}x{self.height}"


FRAMES = (Frames(1, 270, 480), Frames(1, 361, 479), Frames(1, 720, 1280), Frames(2, 360, 640))
"""What a file is compared on."""

DRAWN_FRAMES = (Frames(1, 270, 480), Frames(1, 181, 239), Frames(2, 96, 160))
"""What one is compared on whose generator works at full size, which takes torch long."""


@dataclass(frozen=True)
class Bounds:
    """How far a file may be from torch on any frames.

    Attributes:
        largest: difference of a byte of the dehazed frames, of 255, at most.
        mean: mean of these differences, at most.
        labels: share of the pixels that get the same label, at least.
        density: relative difference of the fog density β, at most.
    """

    largest: int
    mean: float
    labels: float
    density: float


BOUNDS = {"fp32": Bounds(1, 0.02, 0.999, 1e-3), "fp16": Bounds(2, 0.1, 0.995, 1e-2)}
"""For each number format. A byte may fall on either side of a half, so even in fp32 one is allowed."""


@dataclass(frozen=True)
class Row:
    """What one backend made of some frames, beside torch; see `Bounds`.

    Attributes:
        backend: that ran the file.
        frames: what it was given.
        largest, mean, labels, density: what was found.
    """

    backend: str
    frames: Frames
    largest: int
    mean: float
    labels: float
    density: float

    def passes(self, bounds: Bounds) -> bool:
        """Return whether all is within the bounds; what is not a number is not."""
        return (
            self.largest <= bounds.largest
            and self.mean <= bounds.mean
            and self.labels >= bounds.labels
            and self.density <= bounds.density
        )


def missing_backends() -> dict[str, str]:
    """Return the backends that are not here, and what installs each."""
    found = {name: missing_packages(*packages, extra=extra) for name, (packages, extra) in BACKENDS.items()}
    return {name: reason for name, reason in found.items() if reason is not None}


def compare(network: "Network | DrawnPipeline", path: Path, shapes: Sequence[Frames]) -> list[Row]:
    """Return what each backend that is here makes of a file.

    Args:
        network: the same in torch, in evaluation mode and in float32.
        path: the model file.
        shapes: the frames that both are given.

    Raises:
        ArtifactError: no backend is here.
        BackendError: one that is here cannot run the file.
    """
    import torch

    from dfs_core.models.pipeline import Network, Pipeline

    missing = missing_backends()
    if len(missing) == len(BACKENDS):
        raise ArtifactError(f"{path}: nothing here can run it, so it cannot be compared: {'; '.join(missing.values())}")
    width = artifact.read(path).network_width
    pipeline = (Pipeline(network, width) if isinstance(network, Network) else network).eval()
    pictures = [_pictures(seed, shape) for seed, shape in enumerate(shapes)]
    with torch.inference_mode():
        expected = [pipeline(torch.from_numpy(frames)) for frames in pictures]
    rows = []
    for backend in (name for name in BACKENDS if name not in missing):
        with _opened(path, backend) as dehazer:
            for shape, frames, outputs in zip(shapes, pictures, expected, strict=True):
                rows.append(_row(dehazer, shape, frames, [output.numpy() for output in outputs]))
    return rows


def refuse_difference(rows: Sequence[Row], bounds: Bounds, path: Path) -> None:
    """Refuse a file that says something else than torch.

    Raises:
        ArtifactError: with the worst that was found, and the bounds.
    """
    wrong = [row for row in rows if not row.passes(bounds)]
    if wrong:
        found = "; ".join(
            f"{row.backend} on {row.frames} differs by {row.largest} of 255 ({row.mean:.3f} on average), agrees on "
            f"{row.labels:.3%} of the labels and differs by {row.density:.2%} in the fog density"
            for row in wrong
        )
        raise ArtifactError(
            f"{path}: not written, because it is not what torch computes: {found}. Allowed are {bounds.largest} of 255 "
            f"({bounds.mean:g} on average), {bounds.labels:.1%} of the labels and {bounds.density:.1%}. Train longer: "
            "classes with nearly equal scores flip; else report the model"
        )


def _opened(path: Path, backend: str) -> "Dehazer":
    """Return what runs a file; on ONNX Runtime all of it, so that what lies around the networks is compared, too."""
    from dfs_core.runtime import load

    if backend != "onnxruntime":
        return load(path, backend)
    from dfs_core.runtime.onnxruntime import OnnxRuntimeDehazer

    return OnnxRuntimeDehazer(path, artifact.read(path), precision="fp32", threads=None, whole=True)


def _row(dehazer: "Dehazer", shape: Frames, frames: "NDArray[np.uint8]", expected: "list[NDArray[Any]]") -> Row:
    import numpy as np

    result = dehazer(frames)
    assert result.dehazed is not None  # noqa: S101 (for the type checker: all outputs were asked for)
    dehazed, mask, density = expected
    same = np.asarray(result.mask == mask)
    difference = np.abs(result.dehazed.astype(np.int16) - dehazed.astype(np.int16))
    return Row(
        dehazer.backend,
        shape,
        int(difference.max()),
        float(difference.mean()),
        float(same.mean()),
        relative_difference(result.fog_density, density),
    )


def relative_difference(found: "NDArray[np.float32]", expected: "NDArray[np.float32]") -> float:
    """Return the largest; none where both say that they know nothing."""
    import numpy as np

    if np.isnan(expected).all() and np.isnan(found).all():
        return 0.0
    return float(np.abs(found / expected - 1.0).max())


def _pictures(seed: int, shape: Frames) -> "NDArray[np.uint8]":
    """Return smooth random pictures with some grain, uint8 [N, H, W, 3]: noise alone is nothing that a camera sees."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(seed)
    banks = [
        cv2.resize(rng.uniform(40, 230, (9, 16, 3)).astype(np.float32), (shape.width, shape.height))
        for _ in range(shape.batch)
    ]
    return np.clip(np.stack(banks) + rng.normal(0, 6, (len(banks), *banks[0].shape)), 0, 255).astype(np.uint8)
