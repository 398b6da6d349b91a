"""`dfs evaluate`: what fog costs, and what a model wins back."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    model: Annotated[Path, typer.Option(help="ONNX file to evaluate.")],
    segmenter: Annotated[
        list[Path], typer.Option(help="Checkpoint of a segmenter trained on clear scenes: the judge. Repeatable.")
    ],
    data: Annotated[Path, typer.Option(help="Folder of CamVid.")],
    beta: Annotated[list[float] | None, typer.Option(help="Attenuation of the fog in 1/m; 0 is clear.")] = None,
    seed: Annotated[int, typer.Option(help="Of the fog's noise; training uses others.")] = 2026,
    json_: Annotated[Path | None, typer.Option("--json", help="Also write the rows here.")] = None,
) -> None:
    """Compare hazy, dehazed and clear frames of camvid/val by PSNR and by the mean IoU of independent segmenters."""
    import json

    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from dfs_core.data.camvid import CamVid
    from dfs_core.evaluation.foggy_camvid import Judge, judge_density
    from dfs_core.evaluation.segmentation import load_segmenter
    from dfs_core.runtime import load
    from dfs_core.whole_output import whole_output

    densities = beta or [0.0, 0.005, 0.01, 0.02, 0.03, 0.05]
    samples = list(CamVid(data, "val"))
    judges = [Judge(path.resolve().parent.name, load_segmenter(path)) for path in segmenter]
    with load(model) as dehazer:
        rows = [
            row
            for density in track(densities, description="evaluating", console=Console(stderr=True))
            for row in judge_density(dehazer, judges, samples, density, seed)
        ]
    table = Table(title=f"{model.name} on {data.name}/val, {len(samples)} frames")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*map(_words, row.values()))
    Console().print(table)
    if json_ is not None:
        with whole_output(json_, overwrite=True) as partial:
            partial.write_text(json.dumps({"rows": rows}, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(entry)}" for name, entry in value.items())
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
