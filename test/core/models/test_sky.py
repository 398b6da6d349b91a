"""The sky behind the fog: what it is guessed from, and how far it is drawn."""

import pytest
import torch

from dfs_core.models.sky import (
    SKY_NOT_ABOVE,
    SKY_NOT_BELOW,
    SKY_WHOLE_BELOW,
    SKY_WHOLE_FROM,
    brighter_sky,
    drawn_share,
    elevation,
    scene_numbers,
)


def test_sky_is_guessed_from_the_scene_without_its_fog():
    """The same scene in two fogs, whose airlight is known: what the guess is made of is the scene's own brightness."""
    scene = torch.full((1, 3, 16, 24), 0.2)
    scene[:, :, :, 12:] = 0.4
    found = []
    for share in (0.9, 0.5):
        hazy = 0.8 + (scene - 0.8) * share
        planes = torch.full((1, 1, 16, 24), share)
        found.append(scene_numbers(hazy, torch.full((1, 3, 1, 1), 0.8), planes, torch.zeros_like(planes)))
    torch.testing.assert_close(*(numbers[:, :6] for numbers in found))
    torch.testing.assert_close(found[0][0, [0, 3, 6, 9]], torch.tensor([0.3, 0.1, 0.9 * 0.4, 0.8]))


def test_what_the_fog_hides_tells_nothing_of_the_scene():
    hazy, hidden = torch.full((1, 3, 16, 24), 0.2), torch.zeros(1, 1, 16, 24)
    hazy[:, :, :8], hidden[:, :, :8] = 0.8, 1.0
    numbers = scene_numbers(hazy, torch.full((1, 3, 1, 1), 0.8), torch.ones_like(hidden), hidden)
    torch.testing.assert_close(numbers[0, [0, 3, 6, 9]], torch.tensor([0.2, 0.0, 0.2, 0.8]))


def test_a_sky_grows_brighter_above_the_horizon_alone():
    told = torch.tensor([-0.2, 0.0, 0.1]).view(1, 3, 1, 1)
    sky = brighter_sky(told, torch.full((1, 3, 1, 1), 0.6), elevation())[0, :, :, 0]
    torch.testing.assert_close(sky[:, 8:], torch.full((3, 8), -0.1))
    torch.testing.assert_close(sky[0, :8].diff(), torch.full((7,), -0.1 * 0.8 / 16))


@pytest.mark.parametrize(
    ("beta", "share"),
    [
        (SKY_NOT_BELOW, 0.0),
        (SKY_WHOLE_FROM, 1.0),
        (SKY_WHOLE_BELOW, 1.0),
        ((SKY_WHOLE_BELOW * SKY_NOT_ABOVE) ** 0.5, 0.5),
        (SKY_NOT_ABOVE, 0.0),
    ],
)
def test_a_sky_is_drawn_in_thin_fog(beta, share):
    drawn = drawn_share(torch.tensor([beta / 3e-4]).log(), clearest=3e-4)
    torch.testing.assert_close(drawn, torch.tensor([share]), atol=1e-5, rtol=0)
