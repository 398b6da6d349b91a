"""`dfs fog-sheet`: one clear frame in fogs of several densities, to look at what the fog model does."""

from pathlib import Path
from typing import Annotated

import typer


def fog_sheet(
    image: Annotated[Path, typer.Argument(help="A clear road picture.")],
    out: Annotated[Path, typer.Argument(help="PNG to write.")],
    beta: Annotated[list[float] | None, typer.Option(help="Attenuation in 1/m. Repeatable.")] = None,
    horizon: Annotated[float, typer.Option(help="Row of the horizon as a share of the height, 0 at the top.")] = 0.5,
    model: Annotated[
        Path | None, typer.Option(help="DFS model whose mask gives the geometry; shipped if none.")
    ] = None,
) -> None:
    """Draw the frame, its transmission, and the frame in even, uneven and random fogs."""
    import cv2
    import numpy as np
    from matplotlib.figure import Figure

    from dfs_core import optics
    from dfs_core.data.depth import Camera, from_labels
    from dfs_core.data.fog import Fog, FogRange, apply_fog
    from dfs_core.offline_images import read_image
    from dfs_core.runtime import load
    from dfs_core.whole_output import whole_output

    camera = Camera(horizon=horizon)
    clear = read_image(image)
    with load(model) as dehazer:
        mask, labels = dehazer(clear[None], dehaze=False).mask, dehazer.artifact.labels
    assert mask is not None  # noqa: S101 - it was asked for
    height, width = clear.shape[:2]
    mask = cv2.resize(mask[0], (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    length = optics.ray_length(from_labels(mask, clear, labels, camera), focal_px=camera.focal * width)
    rng = np.random.default_rng(0)

    pictures = [("clear", clear), ("mask that gives the geometry", labels.colorize(mask))]
    share = optics.transmission(length, attenuation=0.02)
    pictures.append(("transmission at β = 0.02 / m", (255 * share).astype(np.uint8)))
    for attenuation in beta or (0.005, 0.01, 0.02, 0.03, 0.05):
        caption = f"β = {attenuation:g} / m, MOR {optics.mor_from_attenuation(attenuation):.0f} m"
        pictures.append((caption, apply_fog(clear, length, Fog(attenuation), rng).hazy))
    uneven = Fog(0.03, unevenness=0.35)
    pictures.append(("the same, uneven, β = 0.03 / m", apply_fog(clear, length, uneven, rng).hazy))
    for _ in range(3):
        fog = FogRange(clear_share=0.0).draw(rng)
        caption = f"random: MOR {optics.mor_from_attenuation(fog.attenuation):.0f} m, JPEG {fog.jpeg_quality or 'none'}"
        pictures.append((caption, apply_fog(clear, length, fog, rng).hazy))

    columns = 4
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(4.2 * columns, 4.2 * rows * height / width + 0.4 * rows), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.set_axis_off()
    for axes, (caption, picture) in zip(figure.axes, pictures, strict=False):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axes.set_title(caption, fontsize=10)
    with whole_output(out, overwrite=True) as partial:
        figure.savefig(partial, format="png", dpi=80)
