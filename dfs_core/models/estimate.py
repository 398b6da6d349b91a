"""What a generator makes of hazy frames: either what fog does to them, or the dehazed frames themselves."""

from typing import NamedTuple

import torch

from dfs_core.artifact import MOST_GAIN


class FogEstimate(NamedTuple):
    """What a physical generator sees in N frames.

    Attributes:
        transmission: t in [t0, 1], [N, 1, h, w].
        airlight: A, RGB in [0, 1], [N, 3, h, w], or [N, 3, 1, 1] where it is the same everywhere.
        attenuation: β in 1/m, [N].
        sky: S, by how much the sky that the fog hides is brighter than the fog before it, RGB in [-1, 1],
            [N, 3, 1, 1]; it counts by `hidden`. None leaves the sky as the fog shows it.
        hidden: H, the probability that nothing but fog is seen, [N, 1, h, w]; None where the generator does not tell.
        base: luminance of the frames without noise, in [0, 1], [N, 1, h, w], which is amplified by 1 / t where the
            frames themselves are amplified by `MOST_GAIN` only. None amplifies all alike.
    """

    transmission: torch.Tensor
    airlight: torch.Tensor
    attenuation: torch.Tensor
    sky: torch.Tensor | None = None
    hidden: torch.Tensor | None = None
    base: torch.Tensor | None = None

    def restoration(self) -> torch.Tensor:
        """Return gain and offset of each pixel, [N, 4, h, w], with J = (I - A) / t + A + H S = gain · I + offset.

        With a base B the gain is d = min(1 / t, `MOST_GAIN`), and what it lacks is done to B and the mean of A alone:
        J = d (I - A) + (1 / t - d) (B - mean A) + A + H S. Written as sums of all four channels at once: putting planes
        together would be a pass of its own.
        """
        gain = self.transmission.reciprocal()
        nothing = torch.zeros_like(self.airlight[:, :1])
        detail = gain if self.base is None else gain.clamp(max=MOST_GAIN)
        restoration = _with(nothing + 1.0, -self.airlight) * detail + _with(nothing, self.airlight)
        if self.base is not None:
            lacking = (gain - detail) * (self.base - self.airlight.mean(dim=1, keepdim=True))
            restoration = restoration + _with(nothing, torch.ones_like(self.airlight)) * lacking
        if self.sky is None or self.hidden is None:
            return restoration
        return restoration + _with(torch.zeros_like(self.sky[:, :1]), self.sky) * self.hidden

    def dehaze(self, hazy: torch.Tensor) -> torch.Tensor:
        """Return the frames [N, 3, h, w] that the estimate was made of without fog; values may leave [0, 1]."""
        restoration = FogEstimate(*(None if value is None else value.float() for value in self)).restoration()  # type: ignore[arg-type]
        return restoration[:, :1] * hazy + restoration[:, 1:]


def _with(of_gain: torch.Tensor, of_offset: torch.Tensor) -> torch.Tensor:
    return torch.cat([of_gain, of_offset], dim=1)


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
