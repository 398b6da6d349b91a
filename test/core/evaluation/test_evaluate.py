"""Evaluation of a model whose answer is known: it undoes the very fog that was put in, or nothing."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from dfs_core.artifact import Artifact
from dfs_core.data.camvid import CamVid
from dfs_core.errors import LabelError
from dfs_core.evaluation.foggy_camvid import Judge, judge_density
from dfs_core.labels import CAMVID_11, CITYSCAPES_19
from dfs_core.models.segmenter import Segmenter
from dfs_core.runtime import Dehazer, Result


class Oracle(Dehazer):
    """Gives back the clear scenes and their labels, in the order in which they are asked for."""

    backend = "oracle"

    def __init__(self, samples, labels=CAMVID_11):
        super().__init__(Artifact("oracle", labels), precision="fp32")
        self._samples = iter(samples)

    def __call__(self, frames, *, dehaze=True, segment=True):  # noqa: ARG002, D102
        sample = next(self._samples)
        return Result(
            sample.image[None], np.where(sample.labels == 255, 0, sample.labels)[None], np.array([0.04], "f4")
        )


class Brightness(Segmenter):
    """A segmenter that tells the dark road from all else, as long as there is no fog."""

    def __init__(self):
        super().__init__(CAMVID_11)
        self.still = nn.Parameter(torch.zeros(1))

    def forward(self, frames):  # noqa: D102
        dark = (frames.mean(dim=1, keepdim=True) < 0.38).float()
        logits = torch.zeros(len(frames), 11, *frames.shape[2:])
        logits[:, 3:4], logits[:, 0:1] = dark, 1.0 - dark
        return logits


@pytest.fixture(scope="module")
def samples(camvid):
    return list(CamVid(camvid, "val"))[:2]


def test_perfect_dehazer_closes_the_gap(samples):
    rows = judge_density(Oracle(samples), [Judge("brightness", Brightness())], samples, 0.1, seed=1)
    assert [row["part"] for row in rows] == ["0016E5", "all"]
    for row in rows:
        assert (row["model"], row["judge"], row["beta"]) == ("oracle", "brightness", 0.1)
        assert (row["psnr"], row["ssim"], row["miou_own_mask"]) == (100.0, pytest.approx(1.0), 1.0)
        assert row["psnr_hazy"] < 20.0
        assert row["miou_hazy"] < row["miou"] == row["miou_clear"]
        assert row["gap_closed"] == {"miou": 1.0}
        assert row["beta_estimated"] == pytest.approx(0.04)


def test_figures_are_what_json_can_hold_where_fog_costs_nothing(samples):
    blind = Brightness()
    blind.forward = lambda frames: torch.zeros(len(frames), 11, 4, 4)
    row = judge_density(Oracle(samples), [Judge("blind", blind)], samples, 0.0, seed=1)[-1]
    assert row["gap_closed"] == {"miou": None}
    assert math.isfinite(row["psnr"])
    json.dumps(row, allow_nan=False)


def test_model_of_other_classes_is_refused(samples):
    with pytest.raises(LabelError, match=r"the model 'oracle' has the classes road, .* trained on CamVid"):
        judge_density(Oracle(samples, CITYSCAPES_19), [], samples, 0.02, seed=1)


def test_judges_of_one_name_are_refused(samples):
    judges = [Judge("run", Brightness()), Judge("run", Brightness())]
    with pytest.raises(LabelError, match="two judges are called run"):
        judge_density(Oracle(samples), judges, samples, 0.02, seed=1)
