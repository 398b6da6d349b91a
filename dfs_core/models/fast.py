"""The fast generator: what fog does to a frame, predicted at low resolution and undone at any."""

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

PADDINGS = ("zeros", "replicate")
FINISHES = ("shuffle", "guided")


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

        Raises:
            ConfigError: there is no such padding or finish, or the airlight may leave its range.
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
        self._guided, self._tint, self._dimming = finish == "guided", airlight_tint, airlight_dimming
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
        logits, glow = self._finish(features, sixteenth, low_resolution)
        transmission = MIN_TRANSMISSION + (1.0 - MIN_TRANSMISSION) * torch.sigmoid(logits)
        airlight, attenuation = self._global_fog(summary)
        return FogEstimate(transmission, airlight if glow is None else airlight * glow, attenuation)

    def _finish(
        self, features: torch.Tensor, sixteenth: torch.Tensor, low_resolution: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the logits of transmission and the glow, [N, 1, h, w] each; None where the airlight is even."""
        if not self._guided:
            return F.pixel_shuffle(self.transmission(features), 2), None
        planes = self.guided_transmission(features)
        if self._dimming > 0.0:
            glow = 1.0 - self._dimming * torch.sigmoid(self.glow(sixteenth))
            planes = torch.cat([planes, upsample_like(glow, planes)], dim=1)
        planes = upsample_like(planes, low_resolution)
        logits = planes[:, :1] + (planes[:, 1:4] * (low_resolution - 0.5)).sum(dim=1, keepdim=True)
        return logits, planes[:, 4:] if self._dimming > 0.0 else None

    def _global_fog(self, summary: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the airlight, where it is brightest, [N, 3, 1, 1], and the attenuation, [N]."""
        numbers = self.globals(summary)
        luminance = torch.sigmoid(numbers[:, 0:1] + 1.5)
        airlight = (luminance + self._tint * torch.tanh(numbers[:, 1:4])).clamp(0.0, 1.0)
        span = torch.log(torch.tensor(MAX_ATTENUATION / MIN_ATTENUATION))
        return airlight[:, :, None, None], MIN_ATTENUATION * torch.exp(span * torch.sigmoid(numbers[:, 4]))
