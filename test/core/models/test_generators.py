"""What holds for every generator, and what the paper's and pix2pix's must cost."""

import pytest
import torch

from dfs_core.errors import ConfigError
from dfs_core.models import GENERATORS, create_generator
from dfs_core.models.cost import cost
from dfs_core.models.estimate import Translation
from dfs_core.models.unet_256 import DROPOUTS

SMALL = {"fast": {"width": 4}, "resnet_9blocks": {"filters": 4, "blocks": 2}, "unet_256": {"filters": 4}}
SIDE = 256
TRANSLATORS = ["resnet_9blocks", "unet_256"]


@pytest.fixture(scope="module")
def frames():
    return torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=sorted(GENERATORS))
def generator(request, frames):
    """A small generator that has seen a batch, so that its averages are those of images."""
    torch.manual_seed(0)
    network = create_generator(request.param, SMALL[request.param])
    with torch.no_grad():
        network.train()(frames)
    return network.eval()


def test_inference_mode_changes_nothing(generator, frames):
    expected = generator(frames).dehaze(frames)
    with torch.inference_mode():
        torch.testing.assert_close(generator(frames).dehaze(frames), expected.detach(), atol=0.0, rtol=0.0)


def test_evaluation_looks_at_each_image_alone(generator, frames):
    with torch.inference_mode():
        together, alone = generator(frames).dehaze(frames), generator(frames[1:]).dehaze(frames[1:])
    torch.testing.assert_close(alone, together[1:], atol=1e-5, rtol=1e-5)


def test_evaluation_leaves_the_averages_alone(generator, frames):
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    with torch.inference_mode():
        generator(frames)
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())


def test_every_weight_learns(generator, frames):
    """What lies behind a branch that starts from zeros learns from the second step on."""
    optimizer = torch.optim.SGD(generator.train().parameters(), lr=1e-6)
    for _ in range(2):
        optimizer.zero_grad()
        torch.stack([(plane * torch.rand_like(plane)).sum() for plane in generator(frames)]).sum().backward()
        optimizer.step()
    idle = [name for name, value in generator.named_parameters() if value.grad is None or not value.grad.any()]
    assert idle == []


def test_dehazed_has_the_shape_of_the_frames(generator, frames):
    dehazed = generator(frames).dehaze(frames)
    assert dehazed.shape == frames.shape
    assert dehazed.dtype == torch.float32
    assert dehazed.isfinite().all()


@pytest.mark.parametrize("name", TRANSLATORS)
def test_translation_stays_an_image(name, frames):
    network = create_generator(name, SMALL[name])
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(50.0)
        image = network(frames).image
    assert 0.0 <= image.min() < 0.01
    assert 0.99 < image.max() <= 1.0


@pytest.mark.parametrize("name", TRANSLATORS)
def test_zero_weights_draw_middle_grey(name, frames):
    """[-1, 1] has 0 in its middle, [0, 1] has a half."""
    network = create_generator(name, SMALL[name]).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
        image = network(frames).image
    torch.testing.assert_close(image, torch.full_like(image, 0.5))


@pytest.mark.parametrize("name", TRANSLATORS)
def test_first_weights_are_spread_by_a_fiftieth(name):
    torch.manual_seed(0)
    network = create_generator(name, {"filters": 16})
    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            error = 0.02 * 5.0 / module.weight.numel() ** 0.5  # five standard errors
            assert abs(module.weight.mean().item()) < error
            assert abs(module.weight.std().item() - 0.02) < error
        if isinstance(module, torch.nn.BatchNorm2d):
            assert abs(module.weight.mean().item() - 1.0) < 0.02
            assert not module.bias.any()


@pytest.mark.parametrize("name", TRANSLATORS)
def test_half_the_precision_draws_nearly_the_same_image(name, frames):
    network = create_generator(name, SMALL[name]).eval()
    with torch.inference_mode():
        expected = network(frames).image
        with torch.autocast("cpu", torch.bfloat16):
            image = network(frames).image
    assert image.dtype == torch.float32
    assert not torch.equal(image, expected)
    torch.testing.assert_close(image, expected, atol=2.0 / 256, rtol=0.0)


def test_mirrored_edges_keep_their_type_under_autocast():
    """Widened edges would cost a seventh of the paper's generator's step."""
    network, found = create_generator("resnet_9blocks", SMALL["resnet_9blocks"]), []
    for module in network.modules():
        if isinstance(module, torch.nn.ReflectionPad2d):
            module.register_forward_hook(lambda _module, inputs, output: found.append((inputs[0].dtype, output.dtype)))
    with torch.autocast("cpu", torch.bfloat16):
        network(torch.rand(1, 3, 32, 32))
    assert len(found) == 2 + 2 * SMALL["resnet_9blocks"]["blocks"]
    assert all(before == after for before, after in found)
    assert [before for before, _ in found].count(torch.bfloat16) == len(found) - 1  # all but the frames'


@pytest.mark.parametrize("name", TRANSLATORS)
@pytest.mark.parametrize("size", [(97, 131), (5, 9)], ids=str)
def test_whole_takes_frames_of_any_size(name, size):
    frames = torch.rand(1, 3, *size)
    network = create_generator(name, SMALL[name]).eval()
    with torch.inference_mode():
        estimate = network.whole(frames)
    assert isinstance(estimate, Translation)
    assert estimate.image.shape == frames.shape


@pytest.mark.parametrize("name", TRANSLATORS)
def test_whole_is_forward_where_the_size_fits(name, frames):
    network = create_generator(name, SMALL[name]).eval()
    with torch.inference_mode():
        torch.testing.assert_close(network.whole(frames).image, network(frames).image, atol=0.0, rtol=0.0)


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("resnet_9blocks", (1, 4, 64, 64), r"Resnet9Blocks takes RGB images .* multiples of 4, not \[1, 4, 64, 64\]"),
        ("resnet_9blocks", (1, 3, 66, 64), r"multiples of 4, not \[1, 3, 66, 64\]; choose another view.size"),
        ("unet_256", (1, 3, 256, 128), r"Unet256 takes RGB images .* multiples of 256, not \[1, 3, 256, 128\]"),
    ],
)
def test_other_shapes_are_refused(name, shape, words):
    with pytest.raises(ConfigError, match=words):
        create_generator(name, SMALL[name])(torch.zeros(shape))


def test_unet_trains_on_one_image(frames):
    """Its innermost map is one pixel then, of which there are no statistics."""
    image = create_generator("unet_256", SMALL["unet_256"]).train()(frames[:1]).image
    assert image.isfinite().all()


def test_unet_drops_features_in_training_only(frames):
    network = create_generator("unet_256", SMALL["unet_256"])
    with torch.no_grad():
        assert not torch.equal(network.train()(frames).image, network(frames).image)
        assert torch.equal(network.eval()(frames).image, network(frames).image)
    dropping = [any(isinstance(layer, torch.nn.Dropout) for layer in step) for step in network.up]
    assert dropping == [True] * DROPOUTS + [False] * 4


def test_papers_generator_has_the_papers_size_and_cost():
    parameters, macs = cost(create_generator("resnet_9blocks"), (1, 3, 256, 256))
    assert round(parameters / 1e6, 1) == 11.4
    assert round(macs / 1e9, 1) == 49.6


def test_unet_has_the_size_of_pix2pix():
    parameters, _ = cost(create_generator("unet_256"), (1, 3, 256, 256))
    assert parameters == 54_414_019  # pix2pix prints 54.414 M
