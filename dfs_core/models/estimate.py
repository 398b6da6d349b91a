"""What a generator makes of hazy frames: either what fog does to them, or the dehazed frames themselves."""

from typing import NamedTuple

import torch

MOST_COLOR = 2.0
"""How often differences of colour over wide areas are amplified, at most: more would show casts, not the scene."""


class FogEstimate(NamedTuple):
    """What a physical generator sees in N frames.

    Attributes:
        transmission: t in [t0, 1], [N, 1, h, w].
        airlight: A, RGB in [0, 1], [N, 3, h, w], or [N, 3, 1, 1] where it is the same everywhere.
        attenuation: β in 1/m, [N].
        sky: S, by how much the sky that the fog hides is brighter than the fog before it, RGB in [-1, 1],
            [N, 3, h, 1]; it counts by `hidden`. None leaves the sky as the fog shows it.
        hidden: H, the probability that nothing but fog is seen, [N, 1, h, w]; None where the generator does not tell.
        base: B, luminance of the frames without noise, in [0, 1], [N, 1, h, w].
        color: C, by how much R, G and B are above luminance in the neighbourhood, [N, 3, h, w].
        detail: D, how much of what the frames have beyond B and C is no noise, in [0, 1], [N, 1, h, w]. The three come
            together; without them all is amplified alike.
    """

    transmission: torch.Tensor
    airlight: torch.Tensor
    attenuation: torch.Tensor
    sky: torch.Tensor | None = None
    hidden: torch.Tensor | None = None
    base: torch.Tensor | None = None
    color: torch.Tensor | None = None
    detail: torch.Tensor | None = None

    def restoration(self) -> torch.Tensor:
        """Return gain, offset of R, G and B, transmission, and luminance of the airlight of each pixel, [N, 6, h, w].

        J = (I - A) / t + A + H S = gain · I + offset. With B and C told, luminance is amplified by 1 / t, the colours
        of neighbourhoods c times, no more than `MOST_COLOR`, and what the frame has beyond as far as it is no noise:
        the gain is d = max(D / t, 1), at least 1, as nothing is to be less sharp than it was. So
        J = d (I - A) + (1 / t - d) (B - luminance of A) + (c - d) (C - color of A) + A + H S.
        """
        luminance = self.airlight.mean(dim=1, keepdim=True)
        gain = self.transmission.reciprocal()
        detail = gain if self.detail is None else (self.detail * gain).clamp(min=1.0)
        offset = self.airlight * (1.0 - detail)
        if self.base is not None and self.color is not None:
            offset = offset + (gain - detail) * (self.base - luminance)
            offset = offset + (gain.clamp(max=MOST_COLOR) - detail) * (self.color - (self.airlight - luminance))
        if self.sky is not None and self.hidden is not None:
            offset = offset + self.sky * self.hidden
        return torch.cat([detail, offset, self.transmission, luminance.expand_as(detail)], dim=1)

    def dehaze(self, hazy: torch.Tensor) -> torch.Tensor:
        """Return the frames [N, 3, h, w] that the estimate was made of without fog; values may leave [0, 1]."""
        restoration = FogEstimate(*(None if value is None else value.float() for value in self)).restoration()  # type: ignore[arg-type]
        return restoration[:, :1] * hazy + restoration[:, 1:4]


class Translation(NamedTuple):
    """What an image-to-image generator answers.

    Attributes:
        image: the dehazed frames, RGB in [0, 1], [N, 3, h, w].
    """

    image: torch.Tensor

    def dehaze(self, hazy: torch.Tensor) -> torch.Tensor:  # noqa: ARG002 (the same call for every estimate)
        """Return the dehazed frames."""
        return self.image.float()


Estimate = FogEstimate | Translation
