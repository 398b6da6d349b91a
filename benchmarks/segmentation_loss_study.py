r"""Does L_seg help? The same generator, seeds and budget without it and with four kinds of it; other networks judge.

    python benchmarks/segmentation_loss_study.py --data CAMVID --segmenter runs/loss_segmenter/best.ckpt \
        --color-segmenter runs/color_segmenter/best.ckpt \
        --judge runs/judge/best.ckpt runs/segmenter/best.ckpt --out runs/study
    python benchmarks/segmentation_loss_study.py --from docs/segmentation_loss_study.json

Runs that are finished, and judgements that were written, are not done again. `--from` prints the tables of rows that
`--json` wrote, and does nothing else.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track

from dfs_core.data.camvid import LABELS, CamVid
from dfs_core.data.fog import Fog, apply_fog
from dfs_core.data.sample import Sample
from dfs_core.evaluation.segmentation import dehaze, load_generator, load_segmenter, predict_mask
from dfs_core.metrics.image import psnr
from dfs_core.metrics.segmentation import confusion, mean_iou
from dfs_core.training import checkpoint

RECIPE = Path(__file__).parents[1] / "config" / "train" / "study_camvid.yaml"
DENSITIES = (0.01, 0.02, 0.03, 0.05)
FOG_SEED = 2026
"""Of the fog's noise; training uses others."""

WITHOUT = "Dehaze: no L_seg"
VARIANTS = {
    WITHOUT: (),
    "DFS: L2 of colours": ("loss.segmentation=2.0", "loss.segmentation_forms={l2_rgb: 1.0}"),
    "DFS: L2 of probabilities": ("loss.segmentation=5.0", "loss.segmentation_forms={l2_prob: 1.0}"),
    "DFS: cross-entropy": ("loss.segmentation=0.3", "loss.segmentation_forms={cross_entropy: 1.0}"),
    "DFS: Jaccard": ("loss.segmentation=0.6", "loss.segmentation_forms={cross_entropy: 0.25, jaccard: 0.75}"),
}

Row = dict[str, Any]


def main() -> None:
    """Train, judge, and write the tables."""
    options = _options()
    if options.rows is None:
        _train(options)
        rows = list(_judged(options))
    else:
        rows = json.loads(options.rows.read_text(encoding="utf-8"))["rows"]
    table = _table(rows)
    print(table)
    if options.json is not None:
        options.json.write_text(json.dumps({"steps": options.steps, "rows": rows}, indent=2) + "\n", encoding="utf-8")
    if options.markdown is not None:
        options.markdown.write_text(table, encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    study = [
        parser.add_argument("--data", type=Path, help="folder of CamVid"),
        parser.add_argument("--segmenter", type=Path, help="what L_seg looks through, with logits"),
        parser.add_argument("--color-segmenter", type=Path, help="what L_seg looks through, with colours"),
        parser.add_argument(
            "--judge", type=Path, nargs="+", help="segmenters of another architecture than both, in folders"
        ),
        parser.add_argument("--out", type=Path, help="folder of all runs"),
    ]
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--every", type=int, default=2, help="judge every so many frames of camvid/val")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--from", type=Path, dest="rows", help="train and judge nothing; read the rows from here")
    target.add_argument("--json", type=Path, help="also write all rows here")
    parser.add_argument("--markdown", type=Path, help="also write the tables here")
    options = parser.parse_args()
    missing = [action.option_strings[0] for action in study if getattr(options, action.dest) is None]
    if options.rows is None and missing:
        parser.error(f"a study needs {', '.join(missing)}; `--from JSON` prints the tables of one that was made")
    return options


def _train(options: argparse.Namespace) -> None:
    # All variants of a seed first, so that a study cut short compares like with like.
    for seed in range(1, options.seeds + 1):
        for variant in VARIANTS:
            folder = options.out / f"{_slug(variant)}-{seed}"
            if not _finished(folder, options.steps):
                command = _command(options, variant, seed, folder)
                print(" ".join(command), flush=True)
                subprocess.run([sys.executable, "-m", "dfs_core.cli", *command[1:]], check=True)


def _command(options: argparse.Namespace, variant: str, seed: int, folder: Path) -> list[str]:
    settings = [f"data.root={options.data}", f"seed={seed}", f"steps={options.steps}", *VARIANTS[variant]]
    if variant != WITHOUT:
        segmenter = options.color_segmenter if "l2_rgb" in VARIANTS[variant][1] else options.segmenter
        settings.append(f"segmenter={segmenter}")
    words = ["dfs", "train", "--config", str(RECIPE), "--out", str(folder)]
    return words + [word for setting in settings for word in ("--set", setting)]


def _slug(variant: str) -> str:
    return variant.partition(": ")[2].replace(" ", "_").lower()


def _finished(folder: Path, steps: int) -> bool:
    path = folder / "last.ckpt"
    return path.exists() and checkpoint.load(path).step == steps


def _judged(options: argparse.Namespace) -> Iterator[Row]:
    """Yield what the judges say of hazy and clear scenes, and of what each run makes of them."""
    scenes = CamVid(options.data, "val")
    samples = [scenes[number] for number in range(0, len(scenes), options.every)]
    judges = {path.resolve().parent.name: load_segmenter(path) for path in options.judge}
    for name, network in (("hazy", None), ("clear", None), *_runs(options)):
        path = options.out / f"judged-{name}.json"
        if not path.exists():
            rows = []
            for density in track(DENSITIES, description=name):
                gains = []
                matrices = {judge: np.zeros((len(LABELS), len(LABELS)), np.int64) for judge in judges}
                for number, sample in enumerate(samples):
                    picture = _picture(name, network, sample, density, number)
                    gains.append(min(psnr(picture, sample.image), 100.0))
                    with torch.inference_mode():
                        for judge, segmenter in judges.items():
                            matrices[judge] += confusion(predict_mask(segmenter, picture), sample.labels, len(LABELS))
                miou = {judge: mean_iou(matrix) for judge, matrix in matrices.items()}
                rows.append({"run": name, "beta": density, "psnr": float(np.mean(gains)), "miou": miou})
            path.write_text(json.dumps(rows), encoding="utf-8")
        yield from json.loads(path.read_text(encoding="utf-8"))


def _runs(options: argparse.Namespace) -> Iterator[tuple[str, torch.nn.Module]]:
    for variant in VARIANTS:
        for seed in range(1, options.seeds + 1):
            name = f"{_slug(variant)}-{seed}"
            yield name, load_generator(options.out / name / "last.ckpt")


def _picture(
    name: str, network: torch.nn.Module | None, sample: Sample, density: float, number: int
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    if name == "clear":
        return sample.image
    rng = np.random.default_rng([FOG_SEED, number])
    assert sample.ray_length is not None  # noqa: S101 - CamVid's geometry is guessed for all frames
    hazy = apply_fog(sample.image, sample.ray_length, Fog(density, noise=0.004), rng).hazy
    if network is None:
        return hazy
    with torch.inference_mode():
        return dehaze(network, hazy)


def _table(rows: list[Row]) -> str:
    """Return the tables as Markdown: mean over the seeds, their standard deviation, and how many beat no L_seg.

    Those of mIoU are followed by the share of the gap between clear and hazy scenes that the mean closes.
    """
    found = {(row["run"], row["beta"]): row for row in rows}
    seeds = sorted({int(row["run"].rpartition("-")[2]) for row in rows if "-" in row["run"]})
    judges = list(rows[0]["miou"])
    figures: list[tuple[str, int, Callable[[Row], float]]] = [
        (f"mIoU, judge `{judge}`", 3, lambda row, judge=judge: row["miou"][judge]) for judge in judges
    ]
    figures.append(("PSNR, dB", 2, lambda row: row["psnr"]))
    lines = []
    for title, digits, figure in figures:
        values = {key: figure(row) for key, row in found.items()}
        lines += [f"| {title} |" + "".join(f" β = {density} |" for density in DENSITIES)]
        lines += ["|---|" + "---|" * len(DENSITIES), _plain("hazy", values, digits)]
        lines += [_varied(variant, values, seeds, digits) for variant in VARIANTS]
        if not title.startswith("PSNR"):
            lines += [_plain("clear", values, digits), ""]
            lines += [
                f"| gap closed, {title.removeprefix('mIoU, ')} |" + "".join(f" β = {beta} |" for beta in DENSITIES)
            ]
            lines += ["|---|" + "---|" * len(DENSITIES)]
            lines += [_closed(variant, values, seeds) for variant in VARIANTS]
        lines.append("")
    return "\n".join(lines).strip() + "\n"


def _plain(name: str, values: dict[tuple[str, float], float], digits: int) -> str:
    return f"| {name} |" + "".join(f" {values[name, density]:.{digits}f} |" for density in DENSITIES)


def _varied(variant: str, values: dict[tuple[str, float], float], seeds: list[int], digits: int) -> str:
    cells = []
    for density in DENSITIES:
        runs, without = (
            np.array([values[f"{_slug(name)}-{seed}", density] for seed in seeds]) for name in (variant, WITHOUT)
        )
        spread = f" ± {runs.std(ddof=1):.{digits}f}" if len(seeds) > 1 else ""
        better = "" if variant == WITHOUT else f", {int((runs > without).sum())} of {len(seeds)} above"
        cells.append(f" {runs.mean():.{digits}f}{spread}{better} |")
    return f"| {variant} |" + "".join(cells)


def _closed(variant: str, values: dict[tuple[str, float], float], seeds: list[int]) -> str:
    cells = []
    for density in DENSITIES:
        mean = np.mean([values[f"{_slug(variant)}-{seed}", density] for seed in seeds])
        hazy, clear = values["hazy", density], values["clear", density]
        cells.append(f" {(mean - hazy) / (clear - hazy):.0%} |")
    return f"| {variant} |" + "".join(cells)


if __name__ == "__main__":
    main()
