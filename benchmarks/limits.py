"""Where a model fails: of drawn scenes in fog those that come out worst, as one picture.

    python benchmarks/limits.py --out docs/limits.jpg

Nobody chooses them: at each density it is the scene whose PSNR gains least by dehazing.
"""

import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dfs_core.evaluation.dataset import FoggyScenes
from dfs_core.labels import CAMVID_11
from dfs_core.metrics.image import psnr
from dfs_core.panels import grid
from dfs_core.runtime import Dehazer, load
from dfs_core.runtime.loading import SHIPPED_MODEL

DENSITIES = (0.005, 0.01, 0.02, 0.05)
"""Attenuation coefficients, in 1/m."""

SEED = 0
"""Of the scenes and the fog."""


class Frame(NamedTuple):
    """A scene in fog, and what became of it.

    Attributes:
        gain: of PSNR, in dB.
        pictures: uint8 RGB, by caption.
    """

    gain: float
    pictures: dict[str, NDArray[np.uint8]]


def main(
    out: Annotated[Path, typer.Option(help="The picture to write.")],
    model: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Model file.")] = SHIPPED_MODEL,
    scenes: Annotated[int, typer.Option(min=1, help="How many scenes to look at.")] = 50,
) -> None:
    """Look for the worst frame at each density, and write them below one another."""
    drawn = FoggyScenes("scenes", betas=list(DENSITIES), labels=CAMVID_11, limit=scenes, seed=SEED)
    worst: dict[float, Frame] = {}
    with load(model) as dehazer:
        for index in track(range(len(drawn)), "dehazing"):
            scene = drawn[index]
            for beta in DENSITIES:
                frame = dehazed(dehazer, drawn.hazy(scene, beta), scene.sample.image, beta)
                if beta not in worst or frame.gain < worst[beta].gain:
                    worst[beta] = frame
    picture = grid([worst[beta].pictures for beta in DENSITIES])
    if not cv2.imwrite(str(out), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85]):
        raise SystemExit(f"{out}: cannot be written")
    for beta in DENSITIES:
        print(f"{beta:g} / m: PSNR {worst[beta].gain:+.1f} dB at worst")


def dehazed(dehazer: Dehazer, hazy: NDArray[np.uint8], clear: NDArray[np.uint8], beta: float) -> Frame:
    """Return what becomes of a frame in fog of density `beta`."""
    out = np.empty_like(hazy)
    dehazer([hazy], segment=False, out=[out])
    before, after = psnr(hazy, clear), psnr(out, clear)
    pictures = {f"fog of {beta:g} / m, {before:.1f} dB": hazy, f"dehazed, {after:.1f} dB": out, "without fog": clear}
    return Frame(after - before, pictures)


if __name__ == "__main__":
    typer.run(main)
