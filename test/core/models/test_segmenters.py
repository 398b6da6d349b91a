"""Segmenters: the paper's, which paints colours, and DeepLabv3, which is somebody else's."""

import importlib.util
from contextlib import suppress

import pytest
import torch

from dfs_core.errors import CheckpointError, ConfigError
from dfs_core.labels import CAMVID_11, CITYSCAPES_19, LabelClass, LabelSet
from dfs_core.models import create_segmenter

SMALL = {"filters": 4, "blocks": 1}


def _torchvision_works():
    with suppress(ImportError, RuntimeError, AttributeError):
        return importlib.import_module("torchvision.models.segmentation") is not None
    return False


with_torchvision = pytest.mark.skipif(
    not _torchvision_works(), reason=f"torchvision cannot be imported beside torch {torch.__version__}"
)


@pytest.mark.parametrize(
    ("name", "options", "channels", "stride"),
    [
        ("lite", {"pretrained": False, "width": 8}, 11, 4),
        ("unet", {"width": 4}, 11, 2),
        ("pix2pix_rgb", SMALL, 3, 1),
        pytest.param("deeplabv3", {"backbone": "mobilenet_v3_large"}, 11, 1, marks=with_torchvision),
    ],
)
def test_segmenter_answers_and_scores(name, options, channels, stride):
    frames = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    network = create_segmenter(name, CAMVID_11, options).eval()
    answer = network(frames)
    assert answer.shape == (2, channels, 64 // stride, 96 // stride)
    assert network.scores(answer).shape == (2, 11, 64 // stride, 96 // stride)
    assert network.in_colors == (channels == 3)
    network.train()(frames).square().sum().backward()
    assert all(value.grad is not None for value in network.parameters())


@pytest.mark.parametrize("labels", [CAMVID_11, CITYSCAPES_19], ids=lambda labels: labels.name)
def test_nearest_colour_is_the_class(labels):
    """Each class's own colour, and colours up to half the way to its nearest neighbour, are read back as it."""
    network = create_segmenter("pix2pix_rgb", labels, SMALL)
    colors = torch.tensor([label.color for label in labels.classes], dtype=torch.float64)
    distances = torch.cdist(colors, colors) + torch.diag(torch.full((len(labels),), torch.inf, dtype=torch.float64))
    reach = 0.49 * distances.amin(dim=1, keepdim=True)
    directions = torch.nn.functional.normalize(torch.randn(len(labels), 3, dtype=torch.float64), dim=1)
    for painted in (colors, colors + reach * directions):
        answer = (painted / 127.5 - 1.0).float().T[None, :, None]
        assert network.scores(answer).argmax(dim=1).flatten().tolist() == list(range(len(labels)))


def test_score_is_the_squared_distance_to_the_colour():
    black_and_red = LabelSet("two", (LabelClass("black", (0, 0, 0), "a"), LabelClass("red", (255, 0, 0), "b")))
    answer = torch.tensor([-1.0, -0.5, 0.0]).view(1, 3, 1, 1)
    scores = create_segmenter("pix2pix_rgb", black_and_red, SMALL).scores(answer)
    assert scores.flatten().tolist() == pytest.approx([-(0.25 + 1.0), -(4.0 + 0.25 + 1.0)])


def test_colours_are_painted_from_minus_one_to_one():
    network = create_segmenter("pix2pix_rgb", CAMVID_11, SMALL)
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(50.0)
        answer = network(torch.rand(2, 3, 32, 32))
    assert -1.0 <= answer.min() < -0.98
    assert 0.98 < answer.max() <= 1.0


def test_palette_is_not_kept_with_the_weights():
    state = create_segmenter("pix2pix_rgb", CAMVID_11, SMALL).state_dict()
    create_segmenter("pix2pix_rgb", CITYSCAPES_19, SMALL).load_state_dict(state)


def test_classes_of_one_colour_are_refused():
    twins = LabelSet("twins", (LabelClass("car", (0, 0, 9), "a"), LabelClass("van", (0, 0, 9), "a")))
    with pytest.raises(ConfigError, match=r"'car' and 'van' of the label set 'twins' are both \(0, 0, 9\)"):
        create_segmenter("pix2pix_rgb", twins, SMALL)


@pytest.mark.skipif(_torchvision_works(), reason="torchvision can be imported")
def test_missing_torchvision_is_named_with_the_command():
    with pytest.raises(ConfigError, match=r"'deeplabv3' needs torchvision.*pip install torch torchvision"):
        create_segmenter("deeplabv3", CAMVID_11)


def test_unknown_backbone_is_refused():
    with pytest.raises(ConfigError, match=r"backbone must be one of resnet50, resnet101, .* not 'vgg16'"):
        create_segmenter("deeplabv3", CAMVID_11, {"backbone": "vgg16"})


@with_torchvision
def test_deeplab_says_what_torchvision_says(tmp_path):
    from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large
    from torchvision.transforms.functional import normalize

    torch.manual_seed(0)
    original = deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=11, aux_loss=True).eval()
    path = tmp_path / "weights.pth"
    torch.save(original.state_dict(), path)
    options = {"backbone": "mobilenet_v3_large", "weights": str(path)}
    network = create_segmenter("deeplabv3", CAMVID_11, options).eval()
    frames = torch.rand(1, 3, 64, 96)
    expected = original(normalize(frames, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))["out"]
    torch.testing.assert_close(network(frames), expected)
    with pytest.raises(CheckpointError, match=r"weights.pth: tells 11 classes apart, not 19; give .*'cityscapes-19'"):
        create_segmenter("deeplabv3", CITYSCAPES_19, options)
    with pytest.raises(
        CheckpointError, match=r"weights.pth: lacks .*backbone.conv1.weight \[64, 3, 7, 7\].* deeplabv3_resnet50"
    ):
        create_segmenter("deeplabv3", CAMVID_11, {"weights": str(path)})


@with_torchvision
def test_deeplab_without_its_file_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match=r"none.pth: no such file; give a state dict of torchvision's deeplabv3"):
        create_segmenter("deeplabv3", CAMVID_11, {"weights": str(tmp_path / "none.pth")})
