"""Features of the whole scene: at which size they come, and that ImageNet's weights still know what they see."""

import pytest
import torch

from dfs_core.models.efficientnet_lite0 import first_blocks, normalize
from dfs_core.models.scene_features import CHANNELS, SceneFeatures


@pytest.fixture(scope="module")
def features():
    return SceneFeatures(pretrained=True).eval().requires_grad_(False)


@pytest.mark.parametrize(("height", "width"), [(16, 32), (24, 40), (136, 240)])
def test_they_are_an_eighth_of_the_frame_whether_or_not_it_halves_again(features, height, width):
    assert features(torch.rand(1, 3, height, width)).shape == (1, CHANNELS, height // 8, width // 8)


def test_every_other_one_is_what_imagenets_network_sees(features):
    frames = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 12), size=(128, 192), mode="bicubic").clamp(0, 1)
    stem, blocks = first_blocks(8, pretrained=True)
    with torch.no_grad():
        expected = stem.eval()(normalize(frames))
        for block in blocks.eval():
            expected = block(expected)
    found = 5.3 * features(frames)[:, :, 1::2, 1::2]
    # beyond the edge the two see zeros at other distances
    torch.testing.assert_close(found[:, :, 2:-2, 2:-2], expected[:, :, 2:-2, 2:-2], atol=1e-3, rtol=1e-3)
