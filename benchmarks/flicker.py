"""How much a foggy video flickers when it is dehazed frame by frame, and with `smoothing_s`.

    python benchmarks/flicker.py VIDEO

A clear road video gets the fog of `dfs fog-bag`, and an exposure that hunts, as a camera's does in fog: each frame is
brighter or darker by a few percent. Flicker is told by `dfs_core.metrics.flicker`: the difference from the
frame before, moved as the clear video moved, in 8-bit levels of luminance, and over the contrast.
"""

import json
import sys
from collections import defaultdict
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dfs_core.data.depth import Camera
from dfs_core.data.fog import Fog, apply_fog
from dfs_core.metrics.flicker import Steadiness, find_motion, measure_steadiness
from dfs_core.runtime import Dehazer, load
from dfs_core.runtime.adjustment import Adjustment
from dfs_core.runtime.steadying import Steadying
from dfs_ros import fog_bag

Image = NDArray[np.uint8]


class Course:
    """One way to dehaze the video, and what it showed last."""

    def __init__(self, dehazer: Dehazer, smoothing_s: float) -> None:
        """Begin with no frame; `smoothing_s` of 0 looks at each frame alone."""
        self._dehazer, self._smoothing_s = dehazer, smoothing_s
        self._steadying = Steadying()

    def __call__(self, hazy: Image, stamp_s: float) -> Image:
        """Return a frame without its fog."""
        steady = partial(self._steadying, stamp_s=stamp_s, time_constant_s=self._smoothing_s)
        adjustment = Adjustment(1.0, steady if self._smoothing_s > 0.0 else None)
        out = np.empty_like(hazy)
        self._dehazer([hazy], segment=False, adjustments=[adjustment], out=[out])
        return out


def main(
    video: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A clear road video.")],
    attenuation: Annotated[float, typer.Option(min=0.0, help="Of the fog, in 1/m.")] = 0.02,
    hunting: Annotated[float, typer.Option(min=0.0, help="Standard deviation of the exposure, as a share.")] = 0.03,
    frames: Annotated[int, typer.Option(min=3, help="How many, from the first on.")] = 100,
    model: Annotated[str, typer.Option(help="Model file or name; the one that ships if not given.")] = "",
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Print a table of the video with fog, dehazed as it comes, and dehazed with two time constants."""
    found: dict[str, list[Steadiness]] = defaultdict(list)
    rate, count = fog_bag.measure(video, 0, frames)
    with load(None) as geometer, load(model or None, "openvino") as dehazer:
        scenes = fog_bag.scenes(fog_bag.read(video, 0, count), geometer, Camera(horizon=0.5))
        courses = {f"dehazed, smoothing_s {seconds:g}": Course(dehazer, seconds) for seconds in (0.0, 0.5, 1.0)}
        random = np.random.default_rng(0)
        before: dict[str, Image] = {}
        for number, (clear, ray_length) in enumerate(track(scenes, "Dehazing", total=count)):
            fog = Fog(attenuation, gains=(1.0 + hunting * float(random.standard_normal()),) * 3, noise=0.004)
            hazy = apply_fog(clear, ray_length, fog, np.random.default_rng([0, number])).hazy
            now = {"clear": clear, "hazy": hazy} | {
                name: course(hazy, number / rate) for name, course in courses.items()
            }
            motion = find_motion(before["clear"], clear) if before else None
            if motion is not None:
                for name, frame in now.items():
                    found[name].append(measure_steadiness(before[name], frame, motion))
            before = now
    figures = {
        name: {
            "flicker": mean(one.flicker for one in seen),
            "over_contrast": mean(one.relative for one in seen if one.relative is not None),
        }
        for name, seen in found.items()
    }
    table = Table("", "flicker, levels", "over contrast", title=f"{video.name}, {len(found['clear'])} pairs of frames")
    for name, figure in figures.items():
        table.add_row(name, f"{figure['flicker']:.2f}", f"{figure['over_contrast']:.4f}")
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
