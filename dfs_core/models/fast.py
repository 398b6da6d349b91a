"""The fast generator: what fog does to a frame, predicted at low resolution and undone at any."""

import torch
from torch import nn
from torch.nn import functional as F

from dfs_core.models.estimate import FogEstimate
from dfs_core.models.layers import ConvUnit, Residual, upsample_like

MIN_TRANSMISSION = 0.12
"""t0: where less light than this survives, some fog stays, so that noise is amplified 8 times at most."""

MIN_ATTENUATION, MAX_ATTENUATION = 3e-4, 0.3
"""Range of the predicted β in 1/m: from the clearest air (MOR 10 km) to fog that hides the bonnet (MOR 10 m)."""

AIRLIGHT_TINT = 0.08
"""How far a channel of the airlight may lie from its luminance: fog is nearly grey."""


class FastGenerator(nn.Module):
    """An encoder and decoder that predict transmission, airlight and attenuation; 16 is its stride.

    Transmission is finished at half the low resolution and brought to the whole of it by depth-to-space, guided by the
    frame's own pixels, so that it keeps the edges of things.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = width, 2 * width, 4 * width, 6 * width
        self.stem = ConvUnit(3, half, stride=2)
        self.encode_quarter = nn.Sequential(ConvUnit(half, quarter, stride=2), ConvUnit(quarter, quarter))
        self.encode_eighth = nn.Sequential(ConvUnit(quarter, eighth, stride=2), Residual(eighth))
        self.encode_sixteenth = nn.Sequential(
            ConvUnit(eighth, sixteenth, stride=2), Residual(sixteenth), Residual(sixteenth, dilation=3)
        )
        self.summary = nn.Sequential(nn.Linear(2 * sixteenth, 64), nn.ReLU(inplace=True))
        self.context = nn.Linear(64, sixteenth)
        self.globals = nn.Linear(64, 5)
        self.decode_eighth = ConvUnit(sixteenth + eighth, eighth)
        self.decode_quarter = ConvUnit(eighth + quarter, half)
        self.decode_half = ConvUnit(half + half + 12, half)
        self.transmission = nn.Conv2d(half, 4, 3, padding=1)

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
        share = torch.sigmoid(F.pixel_shuffle(self.transmission(features), 2))
        return FogEstimate(MIN_TRANSMISSION + (1.0 - MIN_TRANSMISSION) * share, *self._global_fog(summary))

    def _global_fog(self, summary: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        numbers = self.globals(summary)
        luminance = torch.sigmoid(numbers[:, 0:1] + 1.5)
        airlight = (luminance + AIRLIGHT_TINT * torch.tanh(numbers[:, 1:4])).clamp(0.0, 1.0)
        span = torch.log(torch.tensor(MAX_ATTENUATION / MIN_ATTENUATION))
        return airlight, MIN_ATTENUATION * torch.exp(span * torch.sigmoid(numbers[:, 4]))
