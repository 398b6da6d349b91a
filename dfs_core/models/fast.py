"""The fast generator: what fog does to a frame, predicted at low resolution and undone at any."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from dfs_core.errors import ConfigError
from dfs_core.models.estimate import FogEstimate
from dfs_core.models.layers import ConvUnit, Padding, Residual, upsample_like

MIN_TRANSMISSION = 0.12
"""t0: where less light than this survives, some fog stays, so that noise is amplified 8 times at most."""

MIN_ATTENUATION, MAX_ATTENUATION = 3e-4, 0.3
"""Range of the predicted β in 1/m: from the clearest air (MOR 10 km) to fog that hides the bonnet (MOR 10 m)."""

SKY_LUMINANCE, SKY_TINT = 0.5, 0.15
"""How far the sky may be from the colour of the fog: in luminance, and each channel from that."""

PADDINGS = ("zeros", "replicate")
FINISHES = ("shuffle", "guided")


class _Planes(NamedTuple):
    """What is told of each pixel, [N, 1, h, w] each.

    Attributes:
        share: logits of the transmission.
        sky: logits of there being sky, before what lets light through is taken off; None where the sky is left alone.
        glow: factor on the airlight; None where it is even.
    """

    share: torch.Tensor
    sky: torch.Tensor | None = None
    glow: torch.Tensor | None = None


class FastGenerator(nn.Module):
    """An encoder and decoder that predict transmission, airlight and attenuation; 16 is its stride.

    Transmission is finished at half the low resolution and brought to the whole of it with the frame's own pixels in
    sight, so that it keeps the edges of things.
    """

    def __init__(
        self,
        width: int = 16,
        padding: str = "zeros",
        finish: str = "shuffle",
        airlight_tint: float = 0.08,
        airlight_dimming: float = 0.0,
        sky: bool = False,
    ) -> None:
        """Make the network; what the options default to is what the first model was trained with.

        Args:
            width: channels of the finest features.
            padding: what the convolutions see beyond the edge: "zeros", of which a rim of fog stays, or "replicate".
            finish: how transmission comes to the whole low resolution: "shuffle" is depth-to-space, which leaves a mesh
                on even surfaces; "guided" is an affine function of the pixel's colour, whose coefficients are resized
                bilinearly, as those of a guided filter are.
            airlight_tint: how far a channel of the airlight may lie from its luminance: fog is nearly grey.
            airlight_dimming: share by which the airlight may be darker in places than where it is brightest; its colour
                is that of the whole frame. 0 is an even airlight; more needs the finish "guided".
            sky: whether to say where the sky is and what colour it has behind the fog. All of it that fog leaves to see
                is the fog's own colour, so this is what scenes teach, not what the frame shows. It needs "guided".

        Raises:
            ConfigError: there is no such padding or finish, the airlight may leave its range, or the finish is not
                "guided" where it must be.
        """
        super().__init__()
        for name, value, known in (("padding", padding, PADDINGS), ("finish", finish, FINISHES)):
            if value not in known:
                raise ConfigError(f"{name} of the generator 'fast' must be one of {', '.join(known)}, not '{value}'")
        if not (0.0 <= airlight_tint < 1.0 and 0.0 <= airlight_dimming < 1.0):
            raise ConfigError(
                "airlight_tint and airlight_dimming of the generator 'fast' must be in [0, 1), "
                f"not {airlight_tint} and {airlight_dimming}"
            )
        if airlight_dimming > 0.0 and finish != "guided":
            raise ConfigError(f"airlight_dimming of the generator 'fast' needs finish 'guided', not '{finish}'")
        if sky and finish != "guided":
            raise ConfigError(f"sky of the generator 'fast' needs finish 'guided', not '{finish}'")
        self._guided, self._tint, self._dimming = finish == "guided", airlight_tint, airlight_dimming
        self._sky = sky
        edge: Padding = "replicate" if padding == "replicate" else "zeros"
        half, quarter, eighth, sixteenth = width, 2 * width, 4 * width, 6 * width

        def unit(inputs: int, outputs: int, *, stride: int = 1) -> ConvUnit:
            return ConvUnit(inputs, outputs, stride=stride, padding=edge)

        self.stem = unit(3, half, stride=2)
        self.encode_quarter = nn.Sequential(unit(half, quarter, stride=2), unit(quarter, quarter))
        self.encode_eighth = nn.Sequential(unit(quarter, eighth, stride=2), Residual(eighth, padding=edge))
        self.encode_sixteenth = nn.Sequential(
            unit(eighth, sixteenth, stride=2),
            Residual(sixteenth, padding=edge),
            Residual(sixteenth, dilation=3, padding=edge),
        )
        self.summary = nn.Sequential(nn.Linear(2 * sixteenth, 64), nn.ReLU(inplace=True))
        self.context = nn.Linear(64, sixteenth)
        self.globals = nn.Linear(64, 5)
        self.decode_eighth = unit(sixteenth + eighth, eighth)
        self.decode_quarter = unit(eighth + quarter, half)
        self.decode_half = unit(half + half + 12, half)
        finish_layer = nn.Conv2d(half, 4, 3, padding=1, padding_mode=edge)
        if self._guided:  # another name, so that neither kind is filled with the other's weights
            self.guided_transmission = finish_layer
        else:
            self.transmission = finish_layer
        if airlight_dimming > 0.0:
            self.glow = nn.Conv2d(sixteenth, 1, 1)
        if sky:
            self.sky = nn.Conv2d(half, 1, 3, padding=1, padding_mode=edge)
            nn.init.constant_(self.sky.bias, -2.0)  # type: ignore[arg-type]
            self.sky_light = nn.Linear(64, 4)

    def forward(self, low_resolution: torch.Tensor) -> FogEstimate:
        """Return what fog does to the frames.

        Args:
            low_resolution: RGB in [0, 1], [N, 3, h, w]; h and w are multiples of 16.
        """
        half = self.stem(low_resolution - 0.5)
        quarter = self.encode_quarter(half)
        eighth = self.encode_eighth(quarter)
        sixteenth = self.encode_sixteenth(eighth)
        summary = self.summary(torch.cat([sixteenth.mean(dim=(2, 3)), sixteenth.amax(dim=(2, 3))], dim=1))
        sixteenth = sixteenth + self.context(summary)[:, :, None, None]
        features = self.decode_eighth(torch.cat([upsample_like(sixteenth, eighth), eighth], dim=1))
        features = self.decode_quarter(torch.cat([upsample_like(features, quarter), quarter], dim=1))
        pixels = F.pixel_unshuffle(low_resolution, 2)
        features = self.decode_half(torch.cat([upsample_like(features, half), half, pixels], dim=1))
        planes = self._finish(features, sixteenth, low_resolution)
        transmission = MIN_TRANSMISSION + (1.0 - MIN_TRANSMISSION) * torch.sigmoid(planes.share)
        airlight, attenuation = self._global_fog(summary)
        sky = None
        if planes.sky is not None:  # of what lets no light through, so that it keeps the same edges
            sky = torch.sigmoid(planes.sky - planes.share) * self._sky_color(summary)
        return FogEstimate(transmission, airlight if planes.glow is None else airlight * planes.glow, attenuation, sky)

    def _finish(self, features: torch.Tensor, sixteenth: torch.Tensor, low_resolution: torch.Tensor) -> "_Planes":
        """Return what is told of each pixel of the low resolution."""
        if not self._guided:
            return _Planes(F.pixel_shuffle(self.transmission(features), 2))
        coarse = [self.guided_transmission(features)]
        if self._sky:
            coarse.append(self.sky(features))
        if self._dimming > 0.0:
            glow = 1.0 - self._dimming * torch.sigmoid(self.glow(sixteenth))
            coarse.append(upsample_like(glow, features))
        planes = upsample_like(torch.cat(coarse, dim=1), low_resolution)
        share = planes[:, :1] + (planes[:, 1:4] * (low_resolution - 0.5)).sum(dim=1, keepdim=True)
        return _Planes(share, planes[:, 4:5] if self._sky else None, planes[:, -1:] if self._dimming > 0.0 else None)

    def _sky_color(self, summary: torch.Tensor) -> torch.Tensor:
        """Return by how much the sky is brighter than the fog before it, [N, 3, 1, 1]; the sky is nearly grey."""
        numbers = torch.tanh(self.sky_light(summary))
        return (SKY_LUMINANCE * numbers[:, :1] + SKY_TINT * numbers[:, 1:])[:, :, None, None]

    def _global_fog(self, summary: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the airlight, where it is brightest, [N, 3, 1, 1], and the attenuation, [N]."""
        numbers = self.globals(summary)
        luminance = torch.sigmoid(numbers[:, 0:1] + 1.5)
        airlight = (luminance + self._tint * torch.tanh(numbers[:, 1:4])).clamp(0.0, 1.0)
        span = torch.log(torch.tensor(MAX_ATTENUATION / MIN_ATTENUATION))
        return airlight[:, :, None, None], MIN_ATTENUATION * torch.exp(span * torch.sigmoid(numbers[:, 4]))
