"""What image-to-image generators have in common: they draw the dehazed image themselves, at any size."""

import torch
from torch import nn
from torch.nn import functional as F

from dfs_core.errors import ConfigError
from dfs_core.models.estimate import Translation


class Translator(nn.Module):
    """A generator from image to image.

    Attributes:
        stride: what `forward` needs heights and widths to be multiples of.
    """

    stride = 16

    def check(self, images: torch.Tensor) -> None:
        """Refuse images that `forward` cannot take.

        Raises:
            ConfigError: they are not [N, 3, h, w] with h and w multiples of the stride.
        """
        shape = tuple(images.shape)
        if len(shape) != 4 or shape[1] != 3 or shape[2] % self.stride or shape[3] % self.stride:
            raise ConfigError(
                f"{type(self).__name__} takes RGB images [N, 3, h, w] with h and w multiples of {self.stride}, not "
                f"{list(shape)}; choose another view.size"
            )

    def whole(self, hazy: torch.Tensor) -> Translation:
        """Return the dehazed frames of frames of any size, [N, 3, H, W] in [0, 1]: mirrored at the edges to fit."""
        height, width = hazy.shape[-2:]
        below, right = -height % self.stride, -width % self.stride
        padding = "reflect" if below < height and right < width else "replicate"
        image = self(F.pad(hazy, (0, right, 0, below), padding)).image
        return Translation(image[..., :height, :width])
