"""The fast generator: what fog does to a frame, predicted at low resolution and undone at any."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from dfs_core.models.estimate import FogEstimate
from dfs_core.models.guided_filter import fitted, smoothed
from dfs_core.models.layers import ConvUnit, Residual, upsample_like
from dfs_core.models.scene_features import CHANNELS, SceneFeatures
from dfs_core.models.sky import SCENE_NUMBERS, brighter_sky, drawn_share, elevation, scene_numbers

MIN_TRANSMISSION = 0.12
"""t0: the least transmission that is told apart."""

UNSEEN = 0.04
"""t below which a thing cannot be told from fog: half the contrast of black on white is five levels there."""

RESTORED_FROM = 0.2
"""Where less light than this survives, some fog stays, so that noise and blocks are amplified 5 times at most."""

MIN_ATTENUATION, MAX_ATTENUATION = 3e-4, 0.3
"""Range of the predicted β in 1/m: from the clearest air (MOR 10 km) to fog that hides the bonnet (MOR 10 m)."""

FARTHEST = 400.0
"""How far off, in m, a thing may be that is told from fog. So t is at least e^(-β FARTHEST): where the air is told as
nearly clear, nothing is restored as if fog hid it, which would turn it black."""

AIRLIGHT_LUMINANCE, AIRLIGHT_TINT = 0.25, 0.04
"""How far the airlight may be from the colour that is seen where the fog is thickest, for frames without thick fog."""

LAMP_BELOW, FOG_FROM = 0.4, 0.6
"""Luminance of the frame, as a share of the airlight's, up to which that is a lamp's, and from which on it is fog's."""

LAMP_TINT = 0.04
"""How far a channel of a colour's tint, what it has beyond luminance, may be from the whole frame's to be the fog's."""

LIT_BY = 0.1
"""How much brighter than the airlight, in luminance, is what has light of its own, or is spray in a lamp's light."""

DARKEST = 0.2
"""Least brightness of a neighbourhood behind thick fog, as a share of the airlight: what is darker was not so."""

HIDDEN_RADIUS, HIDDEN_REGULARIZATION = 4, 1e-4
"""How far, in pixels of a quarter of the low resolution, and from which variance of the distance to the airlight on the
border of what is nothing but fog follows the edges of things. Sky beside them would be darkened as if it were they."""

EVEN_RADIUS, EVEN_VARIANCE = 2, 3e-3
"""Windows, in pixels of a quarter of the low resolution, in which transmission follows luminance, and from which
variance of it on. A surface has one transmission, whatever is painted on it: by another one, paint would change."""

NOISE_RADIUS, NOISE_VARIANCE = 2, 2e-5
"""Windows in which luminance is smoothed, in pixels of half the low resolution, and the variance up to which it is
flat."""

QUARTER = 4
STRIDE = 16


class _Planes(NamedTuple):
    """What is told of each pixel, as logits.

    Attributes:
        share: of the transmission, [N, 1, h / 4, w / 4].
        hidden: of there being nothing but fog to see, before what is not of the fog's colour is taken off,
            [N, 1, h / 4, w / 4].
    """

    share: torch.Tensor
    hidden: torch.Tensor


class _Globals(NamedTuple):
    """What is told of the whole frame, numbers of any size.

    Attributes:
        airlight: luminance and R, G, B, beyond what is seen, [N, 4].
        attenuation: on a logarithmic scale, [N].
        sky: luminance at the horizon, how much bluer, and how much brighter farther up, beyond the airlight, [N, 3].
    """

    airlight: torch.Tensor
    attenuation: torch.Tensor
    sky: torch.Tensor


class FastGenerator(nn.Module):
    """An encoder and decoder that predict transmission, airlight, attenuation and the sky behind the fog.

    - Transmission is told at a quarter of the low resolution, as an affine function of the colour there, and gets the
      edges of things by a guided filter that follows none but strong ones: neither mesh, nor noise, nor paint is in it.
    - The airlight is one colour: a weighted mean of the frame's own colours, so that it follows every light, but for
      lamps. The network says where to look, which is where the fog is thickest, and by how much to go beyond.
    - Where nothing but fog is seen there is nothing to restore, and noise would be amplified. The frame is left as it
      is there, but for the sky behind it, of one colour that grows brighter or darker upwards: no frame shows it, so
      it is guessed from how bright the scene is below, without its fog. Both only on what has the airlight's colour,
      which keeps them off trees and roofs, and up to the edges of these.
    - What is brighter than the fog is lamps, what they light, and spray. It is left as it is, or it would be blown.
    - What is no more than noise is not amplified, and differences of colour over wide areas little: they are casts.
    - How far off things are follows from what they are: features from ImageNet's photographs join at a sixteenth.
    - Convolutions see the pixels at the edge repeated beyond it; zeros would leave a rim of fog.
    """

    elevation: torch.Tensor

    def __init__(self, width: int = 16, *, pretrained: bool = True) -> None:
        """Make the network.

        Args:
            width: number of channels of the finest features.
            pretrained: start the features of the scene from ImageNet weights.
        """
        super().__init__()
        half, quarter, eighth, sixteenth = width, 2 * width, 4 * width, 6 * width

        def unit(inputs: int, outputs: int, *, stride: int = 1) -> ConvUnit:
            return ConvUnit(inputs, outputs, stride=stride, padding="replicate")

        self.stem = unit(3, half, stride=2)
        self.encode_quarter = nn.Sequential(unit(half, quarter, stride=2), unit(quarter, quarter))
        self.encode_eighth = nn.Sequential(unit(quarter, eighth, stride=2), Residual(eighth, padding="replicate"))
        self.encode_sixteenth = nn.Sequential(
            unit(eighth, sixteenth, stride=2),
            Residual(sixteenth, padding="replicate"),
            Residual(sixteenth, dilation=3, padding="replicate"),
        )
        self.scene = SceneFeatures(pretrained=pretrained)
        self.from_scene = nn.Conv2d(CHANNELS, sixteenth, 1, bias=False)
        self.summary = nn.Sequential(nn.Linear(2 * sixteenth, 64), nn.ReLU(inplace=True))
        self.context = nn.Linear(64, sixteenth)
        self.globals = nn.Linear(64, 5)
        self.sky = nn.Linear(64, 3)
        self.thickest = nn.Conv2d(sixteenth, 1, 1)
        self.decode_eighth = unit(sixteenth + eighth, eighth)
        self.decode_quarter = unit(eighth + quarter, half)
        self.refine = unit(half + 12, half)
        self.planes = nn.Conv2d(half, 5, 3, padding=1, padding_mode="replicate")
        self.sky_of_scene = nn.Sequential(nn.Linear(SCENE_NUMBERS, 32), nn.ReLU(inplace=True), nn.Linear(32, 3))
        self.register_buffer("elevation", elevation(), persistent=False)  # resized: a file takes frames of any height
        self.purity = nn.Parameter(torch.tensor(15.0))
        with torch.no_grad():
            self.planes.bias[4] = -2.0  # type: ignore[index]  # most of a frame is more than fog
            nn.init.zeros_(self.from_scene.weight)
            for numbers in self.sky_of_scene[2].parameters():  # at first the sky is what the fog shows
                nn.init.normal_(numbers, std=0.01)

    def forward(self, low_resolution: torch.Tensor) -> FogEstimate:
        """Return what fog does to the frames.

        Args:
            low_resolution: RGB in [0, 1], [N, 3, h, w]; h and w are multiples of 16.
        """
        halved = F.avg_pool2d(low_resolution, 2)
        blocks = F.avg_pool2d(halved, 2)
        features, sixteenth, whole = self._look(low_resolution, halved)
        planes = self._planes(features, blocks)
        airlight = self._seen(sixteenth, blocks) + _color(whole.airlight, AIRLIGHT_LUMINANCE, AIRLIGHT_TINT)
        airlight = _without_lamps(airlight.clamp(0.0, 1.0), blocks)
        exponent = math.log(MAX_ATTENUATION / MIN_ATTENUATION) * torch.sigmoid(whole.attenuation)
        attenuation = MIN_ATTENUATION * torch.exp(exponent)
        share = _share(planes, blocks, airlight, attenuation)
        even = blocks.mean(dim=1, keepdim=True)
        of_transmission = fitted(share, even, radius=EVEN_RADIUS, regularization=EVEN_VARIANCE)
        other = F.avg_pool2d(_other(halved, airlight), 2)
        fog = torch.sigmoid(planes.hidden - self.purity * other)
        of_hidden = fitted(fog, other, radius=HIDDEN_RADIUS, regularization=HIDDEN_REGULARIZATION)
        numbers = scene_numbers(blocks, airlight, _transmission(of_transmission, even), _hidden(of_hidden, other))
        sky = self._sky(whole, numbers, exponent, airlight, low_resolution.shape[-2])
        of_base = smoothed(halved.mean(dim=1, keepdim=True), radius=NOISE_RADIUS, regularization=NOISE_VARIANCE)
        told = (of_transmission, of_hidden, of_base, blocks - even)
        of_transmission, of_hidden, of_base, color = _resized(told, low_resolution)
        luminance = low_resolution.mean(dim=1, keepdim=True)
        hidden = _hidden(of_hidden, _other(low_resolution, airlight))
        transmission = _transmission(of_transmission, luminance)
        transmission = transmission + (1.0 - transmission) * hidden
        detail, darker = torch.split(of_base, 1, dim=1)
        base = detail * luminance + darker
        if not self.training:  # what is learnt is t; this is how it is used
            transmission = _without_lights(transmission, base, airlight)
        return FogEstimate(transmission, airlight, attenuation, sky, hidden, base, color, detail)

    def _look(self, low_resolution: torch.Tensor, halved: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, _Globals]:
        """Return features at a quarter of the low resolution and a sixteenth, and what is told of the whole frame."""
        half = self.stem(low_resolution - 0.5)
        quarter = self.encode_quarter(half)
        eighth = self.encode_eighth(quarter)
        sixteenth = self.encode_sixteenth(eighth) + self.from_scene(self.scene(halved))
        summary = self.summary(torch.cat([sixteenth.mean(dim=(2, 3)), sixteenth.amax(dim=(2, 3))], dim=1))
        sixteenth = sixteenth + self.context(summary)[:, :, None, None]
        features = self.decode_eighth(torch.cat([upsample_like(sixteenth, eighth), eighth], dim=1))
        features = self.decode_quarter(torch.cat([upsample_like(features, quarter), quarter], dim=1))
        features = self.refine(torch.cat([features, F.pixel_unshuffle(halved, 2)], dim=1))
        numbers = self.globals(summary)
        return features, sixteenth, _Globals(numbers[:, :4], numbers[:, 4], self.sky(summary))

    def _sky(
        self, whole: _Globals, scene: torch.Tensor, exponent: torch.Tensor, airlight: torch.Tensor, height: int
    ) -> torch.Tensor:
        """Return by how much the sky is brighter than the fog before it, as far as it is drawn, [N, 3, h, 1]."""
        told = torch.tanh(whole.sky + self.sky_of_scene(scene))[:, :, None, None]
        rows = F.interpolate(self.elevation, size=(height, 1), mode="bilinear", align_corners=False)
        sky = brighter_sky(told, airlight, rows)
        return sky * drawn_share(exponent.detach(), clearest=MIN_ATTENUATION)[:, None, None, None]

    def _planes(self, features: torch.Tensor, blocks: torch.Tensor) -> _Planes:
        """Return what is told of each block of four by four pixels of the low resolution."""
        share, slopes, hidden = torch.split(self.planes(features), [1, 3, 1], dim=1)
        return _Planes(share + (slopes * (blocks - 0.5)).sum(dim=1, keepdim=True), hidden)

    def _seen(self, sixteenth: torch.Tensor, blocks: torch.Tensor) -> torch.Tensor:
        """Return the frame's colour where the fog is thickest, [N, 3, 1, 1]: a mean over its 16 x 16 blocks.

        Fog tints the whole frame as it does where it is thickest. What has another tint is a lamp, or its glow.
        """
        colors = F.avg_pool2d(blocks, STRIDE // QUARTER).flatten(2)
        tints = colors - colors.mean(dim=1, keepdim=True)
        strange = (tints - tints.mean(dim=2, keepdim=True)).abs().amax(dim=1, keepdim=True) / LAMP_TINT
        weights = F.softmax(self.thickest(sixteenth).flatten(2).float() - strange * strange, dim=2)
        return (weights * colors).sum(dim=2)[:, :, None, None]


def _share(planes: _Planes, blocks: torch.Tensor, airlight: torch.Tensor, attenuation: torch.Tensor) -> torch.Tensor:
    """Return the transmission of each block, [N, 1, h / 4, w / 4]: as told, but no less than it can be."""
    share = MIN_TRANSMISSION + (1.0 - MIN_TRANSMISSION) * torch.sigmoid(planes.share)
    share = torch.maximum(share, _least(blocks, airlight, share)).clamp(min=RESTORED_FROM)
    return torch.maximum(share, torch.exp(-FARTHEST * attenuation.detach())[:, None, None, None])


def _other(frames: torch.Tensor, airlight: torch.Tensor) -> torch.Tensor:
    """Return how far from the airlight the pixels are, [N, 1, h, w]: a mean over R, G and B."""
    return (frames - airlight).abs().mean(dim=1, keepdim=True)


def _transmission(affine: torch.Tensor, luminance: torch.Tensor) -> torch.Tensor:
    """Return transmission, as an affine function of luminance."""
    return (affine[:, :1] * luminance + affine[:, 1:]).clamp(RESTORED_FROM, 1.0)


def _hidden(affine: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the probability that nothing but fog is seen, as an affine function of the distance to the airlight."""
    return (affine[:, :1] * other + affine[:, 1:]).clamp(0.0, 1.0)


def _resized(planes: Sequence[torch.Tensor], reference: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return planes in the height and width of `reference`.

    They are resized together, one behind the other as the frame's are. Backends interleave the channels of what they
    convolve; what comes of it is taken apart pixel by pixel, which took longer than resizing.
    """
    together = torch.cat([each.flatten(2) for each in planes], dim=1).view(
        reference.shape[0], -1, *planes[0].shape[-2:]
    )
    return torch.split(upsample_like(together, reference), [each.shape[1] for each in planes], dim=1)


def _without_lamps(airlight: torch.Tensor, blocks: torch.Tensor) -> torch.Tensor:
    """Return the airlight, grey where it is that of a lamp at night, whose tint the fog elsewhere does not have."""
    luminance = airlight.mean(dim=1, keepdim=True)
    share = blocks.mean(dim=(1, 2, 3), keepdim=True) / luminance.clamp(min=1e-3)
    return luminance + (airlight - luminance) * ((share - LAMP_BELOW) / (FOG_FROM - LAMP_BELOW)).clamp(0.0, 1.0)


def _without_lights(transmission: torch.Tensor, luminance: torch.Tensor, airlight: torch.Tensor) -> torch.Tensor:
    """Return transmission, 1 where a neighbourhood is brighter than the fog, which takes nothing from it then."""
    brighter = ((luminance - airlight.mean(dim=1, keepdim=True)) / LIT_BY).clamp(0.0, 1.0)
    return transmission + (1.0 - transmission) * brighter


def _least(blocks: torch.Tensor, airlight: torch.Tensor, transmission: torch.Tensor) -> torch.Tensor:
    """Return the transmission that a neighbourhood must have at least to be as bright as it is, as `blocks` are.

    The mean of the neighbourhood, J = A + (I - A) / t, is at least d A if t is at least (A - I) / (A - d A). No light
    is negative, d = 0; but near 0 things turn black whenever t is a little too small, so d is up to `DARKEST` in thick
    fog. It is less in thin fog, where a frame tells dark things by itself. The frame comes in means of blocks.
    """
    means = F.avg_pool2d(F.pad(blocks, (1,) * 4, mode="replicate"), 4, 2)
    lost = ((airlight - means) / airlight.clamp(min=1e-3)).amax(dim=1, keepdim=True).clamp(0.0, 1.0)
    return (upsample_like(lost, transmission) / (1.0 - DARKEST * (1.0 - transmission))).clamp(max=1.0)


def _color(numbers: torch.Tensor, luminance: float, tint: float) -> torch.Tensor:
    """Return a difference of colours that is nearly grey, [N, 3, 1, 1]."""
    bounded = torch.tanh(numbers)
    return (luminance * bounded[:, :1] + tint * bounded[:, 1:])[:, :, None, None]
