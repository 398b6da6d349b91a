"""Fog CamVid's validation scenes at one density, dehaze them with the runtime, and let segmenters judge."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from dfs_core.data.camvid import LABELS, sequence_of
from dfs_core.data.fog import Fog, apply_fog
from dfs_core.data.sample import Sample
from dfs_core.errors import LabelError
from dfs_core.evaluation.segmentation import predict_mask
from dfs_core.metrics.image import psnr, ssim
from dfs_core.metrics.segmentation import confusion, mean_iou
from dfs_core.models.segmenter import Segmenter
from dfs_core.runtime import Dehazer

EVERYTHING = "all"
HIGHEST_PSNR = 100.0
"""What equal pictures count as, dB: their true value, infinity, would be the mean of all."""

_OWN = ""
"""Stands for the model itself where a judge's name stands otherwise."""

Row = dict[str, Any]
_Key = tuple[str, str]


@dataclass(frozen=True)
class Judge:
    """A segmenter that was trained on clear scenes only."""

    name: str
    network: Segmenter


class _Tally:
    """What was found on one part of the scenes: confusion matrices by (judge, picture), values by (figure, picture)."""

    def __init__(self) -> None:
        self.matrices: dict[_Key, NDArray[np.int64]] = {}
        self.values: dict[_Key, list[float]] = {}

    def count(self, matrices: dict[_Key, NDArray[np.int64]], values: dict[_Key, float]) -> None:
        """Add what was found on one scene."""
        for key, matrix in matrices.items():
            self.matrices[key] = self.matrices.get(key, 0) + matrix
        for key, value in values.items():
            self.values.setdefault(key, []).append(value)


def judge_density(
    dehazer: Dehazer, judges: Sequence[Judge], samples: Sequence[Sample], attenuation: float, seed: int
) -> list[Row]:
    """Return a row of figures for each sequence and for all of them together.

    Args:
        dehazer: the model.
        judges: segmenters.
        samples: clear scenes.
        attenuation: β in 1/m of the fog that is put in.
        seed: of the fog's noise.

    Returns:
        For each part and judge a row with `model`, `judge`, `beta`, `part`; `psnr` in dB (equal pictures count as 100)
        and `ssim` of the dehazed scenes, `psnr_hazy`, `ssim_hazy`; the judge's mean IoU on dehazed scenes, `miou`, and
        `miou_hazy`, `miou_clear`; `gap_closed`: for "miou", the share of the way from hazy to clear that was won back,
        None where fog costs nothing; `miou_own_mask` of the model's own mask, `beta_estimated`: the median.

    Raises:
        LabelError: the model's classes are not CamVid's, or two judges have the same name.
    """
    _check(dehazer, judges)
    tallies: dict[str, _Tally] = {}
    for number, sample in enumerate(samples):
        rng = np.random.default_rng([seed, number])
        assert sample.ray_length is not None  # noqa: S101 - CamVid's geometry is guessed for all frames
        hazy = apply_fog(sample.image, sample.ray_length, Fog(attenuation, noise=0.004), rng).hazy
        result = dehazer(hazy[None])
        assert result.dehazed is not None and result.mask is not None  # noqa: PT018, S101 - both were asked for
        pictures = {"hazy": hazy, "dehazed": result.dehazed[0], "clear": sample.image}
        height, width = sample.labels.shape
        masks = {(_OWN, "hazy"): cv2.resize(result.mask[0], (width, height), interpolation=cv2.INTER_NEAREST_EXACT)}
        with torch.inference_mode():
            for judge in judges:
                for name, picture in pictures.items():
                    masks[judge.name, name] = predict_mask(judge.network, picture)
        found = {
            ("psnr", name): min(psnr(pictures[name], sample.image), HIGHEST_PSNR) for name in ("hazy", "dehazed")
        } | {("ssim", name): ssim(pictures[name], sample.image) for name in ("hazy", "dehazed")}
        found["beta", "estimated"] = float(result.fog_density[0])
        matrices = {key: confusion(mask, sample.labels, len(LABELS)) for key, mask in masks.items()}
        for part in (sequence_of(sample.name), EVERYTHING):
            tallies.setdefault(part, _Tally()).count(matrices, found)
    parts = [*sorted(set(tallies) - {EVERYTHING}), EVERYTHING]
    facts = {"model": dehazer.artifact.name, "beta": attenuation}
    return [
        facts | {"part": part, "judge": judge.name} | _figures(tallies[part], judge)
        for part in parts
        for judge in judges
    ]


def _check(dehazer: Dehazer, judges: Sequence[Judge]) -> None:
    if (found := dehazer.artifact.labels.names) != LABELS.names:
        raise LabelError(
            f"the model '{dehazer.artifact.name}' has the classes {', '.join(found)}, CamVid has "
            f"{', '.join(LABELS.names)}; evaluate a model that was trained on CamVid"
        )
    names = [judge.name for judge in judges]
    if doubles := {name for name in names if names.count(name) > 1}:
        raise LabelError(
            f"two judges are called {', '.join(sorted(doubles))}; keep their runs in folders of other names"
        )


def _figures(tally: _Tally, judge: Judge) -> Row:
    hazy, dehazed, clear = (mean_iou(tally.matrices[judge.name, name]) for name in ("hazy", "dehazed", "clear"))
    figures: Row = {
        "psnr": float(np.mean(tally.values["psnr", "dehazed"])),
        "psnr_hazy": float(np.mean(tally.values["psnr", "hazy"])),
        "ssim": float(np.mean(tally.values["ssim", "dehazed"])),
        "ssim_hazy": float(np.mean(tally.values["ssim", "hazy"])),
        "miou": dehazed,
        "miou_hazy": hazy,
        "miou_clear": clear,
        "gap_closed": {"miou": (dehazed - hazy) / (clear - hazy) if clear > hazy else None},
        "miou_own_mask": mean_iou(tally.matrices[_OWN, "hazy"]),
        "beta_estimated": float(np.median(tally.values["beta", "estimated"])),
    }
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in figures.items()}
