"""Fog CamVid's validation scenes at one density, dehaze them with the runtime, and let segmenters judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dfs_core.data.camvid import LABELS, sequence_of
from dfs_core.data.fog import Fog, apply_fog
from dfs_core.data.sample import Sample
from dfs_core.evaluation.segmentation import predict_mask
from dfs_core.metrics import confusion, mean_iou, psnr
from dfs_core.runtime import Dehazer

EVERYTHING = "all"
Row = dict[str, Any]


@dataclass(frozen=True)
class Judge:
    """A segmenter that was trained on clear scenes only."""

    name: str
    network: nn.Module


class _Tally:
    """Confusion matrices by (sequence, judge, picture) and PSNR by (sequence, picture)."""

    def __init__(self) -> None:
        self.matrices: dict[tuple[str, str, str], NDArray[np.int64]] = {}
        self.psnr: dict[tuple[str, str], list[float]] = {}

    def count(self, sequence: str, judge: str, picture: str, mask: NDArray[np.uint8], sample: Sample) -> None:
        matrix = confusion(mask, sample.labels, len(LABELS))
        for part in (sequence, EVERYTHING):
            self.matrices[part, judge, picture] = self.matrices.get((part, judge, picture), 0) + matrix

    def compare(self, sequence: str, picture: str, image: NDArray[np.uint8], sample: Sample) -> None:
        for part in (sequence, EVERYTHING):
            self.psnr.setdefault((part, picture), []).append(min(psnr(image, sample.image), 100.0))


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
        Rows with `beta`, `part`, PSNR in dB (at most 100) of hazy and dehazed, the mean IoU of the model's own mask
        and, for each judge, of hazy, dehazed and clear, and the share of the gap from hazy to clear that was closed.
    """
    tally, estimates = _Tally(), []
    for number, sample in enumerate(samples):
        sequence = sequence_of(sample.name)
        rng = np.random.default_rng([seed, number])
        hazy = apply_fog(sample.image, sample.ray_length, Fog(attenuation, noise=0.004), rng).hazy
        result = dehazer(hazy[None])
        assert result.dehazed is not None and result.mask is not None  # noqa: PT018, S101 - both were asked for
        dehazed = result.dehazed[0]
        estimates.append(float(result.fog_density[0]))
        pictures = {"hazy": hazy, "dehazed": dehazed, "clear": sample.image}
        for name in ("hazy", "dehazed"):
            tally.compare(sequence, name, pictures[name], sample)
        height, width = sample.labels.shape
        mask = cv2.resize(result.mask[0], (width, height), interpolation=cv2.INTER_NEAREST)
        tally.count(sequence, "model", "mask", mask, sample)
        with torch.inference_mode():
            for judge in judges:
                for name, picture in pictures.items():
                    tally.count(sequence, judge.name, name, predict_mask(judge.network, picture), sample)
    parts = [*sorted({part for part, _ in tally.psnr} - {EVERYTHING}), EVERYTHING]
    median = float(np.median(estimates))
    return [_row(tally, judges, part, attenuation) | {"beta estimated": median} for part in parts]


def _row(tally: _Tally, judges: Sequence[Judge], part: str, attenuation: float) -> Row:
    row: Row = {
        "beta": attenuation,
        "part": part,
        "psnr hazy": float(np.mean(tally.psnr[part, "hazy"])),
        "psnr dehazed": float(np.mean(tally.psnr[part, "dehazed"])),
        "miou own mask": mean_iou(tally.matrices[part, "model", "mask"]),
    }
    for judge in judges:
        hazy, dehazed, clear = (
            mean_iou(tally.matrices[part, judge.name, name]) for name in ("hazy", "dehazed", "clear")
        )
        row |= {f"{judge.name} hazy": hazy, f"{judge.name} dehazed": dehazed, f"{judge.name} clear": clear}
        row[f"{judge.name} gap closed"] = (dehazed - hazy) / (clear - hazy) if clear > hazy else float("nan")
    return row
