"""The model in torch against the runtime's definition in numpy of what lies before and after the network."""

import numpy as np
import pytest
import torch
from torch import nn

from dfs_core.labels import CAMVID_11
from dfs_core.models import pipeline
from dfs_core.models.estimate import FogEstimate
from dfs_core.models.pipeline import Network, Pipeline
from dfs_core.models.segmenter import Segmenter
from dfs_core.runtime import restoration

SIZES = [(97, 331), (360, 480), (400, 300)]


class KnownFog(nn.Module):
    """A generator that sees the same even fog in all frames."""

    def forward(self, low_resolution):  # noqa: D102
        share = torch.full_like(low_resolution[:, :1], 0.5)
        count, airlight = len(low_resolution), torch.tensor([0.6, 0.7, 0.8])[:, None, None]
        return FogEstimate(share, airlight.expand(count, 3, 1, 1), torch.full((count,), 0.02))


class Halves(Segmenter):
    """A segmenter that gives class 2 to the left and class 5 to the right half, at a quarter of the size."""

    def forward(self, frames):  # noqa: D102
        count, _, height, width = frames.shape
        logits = torch.zeros(count, 11, height // 4, width // 4)
        logits[:, 2, :, : width // 8], logits[:, 5, :, width // 8 :] = 1.0, 1.0
        return logits


@pytest.fixture(params=SIZES, ids=str)
def frames(request):
    return np.random.default_rng(0).integers(0, 256, (2, *request.param, 3), np.uint8)


def test_frames_are_shrunk_as_the_runtime_does_it(frames):
    height, width = pipeline.network_size(*frames.shape[1:3])
    found = pipeline.shrink(torch.from_numpy(frames).permute(0, 3, 1, 2).float(), height, width)
    np.testing.assert_allclose(found.numpy(), restoration.shrink(frames, height, width), atol=1e-4)  # 1/40 of a step


def test_frames_are_restored_as_the_runtime_does_it(frames):
    coefficients = np.random.default_rng(1).uniform(-0.2, 1.5, (2, 4, 32, 48)).astype(np.float32)
    found = pipeline.restore(torch.from_numpy(frames).permute(0, 3, 1, 2).float(), torch.from_numpy(coefficients))
    difference = np.abs(found.numpy().astype(int) - restoration.restore(frames, coefficients))
    assert difference.max() <= 1  # where a value lies at a half
    assert (difference > 0).mean() < 1e-3


def test_known_fog_is_undone_and_the_mask_has_the_networks_size(frames):
    outputs = Pipeline(Network(KnownFog(), Halves(CAMVID_11)))(torch.from_numpy(frames))
    airlight = 255 * np.array([0.6, 0.7, 0.8])
    expected = np.clip((frames - airlight) / 0.5 + airlight, 0, 255)
    assert np.abs(outputs.dehazed.numpy() - expected).max() <= 0.51
    height, width = pipeline.network_size(*frames.shape[1:3])
    assert outputs.mask.shape == (2, height, width)
    assert outputs.mask.dtype == torch.uint8
    assert (outputs.mask[:, :, : width // 2 - 2] == 2).all()
    assert (outputs.mask[:, :, width // 2 + 2 :] == 5).all()
    torch.testing.assert_close(outputs.fog_density, torch.full((2,), 0.02))
