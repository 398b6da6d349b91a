"""L_GAN: how far a discriminator is from calling patches real, or from calling them generated."""

import torch
from torch.nn import functional as F


def least_squares(scores: torch.Tensor, *, real: bool) -> torch.Tensor:
    """Return the mean squared distance of the scores from 1 where patches are to be called real, else from 0.

    Args:
        scores: of patches, [N, 1, h, w], any number.
        real: what the patches are to be called.

    Source: X. Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017, with a = 0 and b = c = 1.
    """
    return (scores.float() - float(real)).square().mean()


def bce(scores: torch.Tensor, *, real: bool) -> torch.Tensor:
    """Return the mean binary cross-entropy of the scores, which are logits; see `least_squares`.

    Source: I. Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014; the generator maximises log D, as there.
    """
    return F.softplus(-scores.float() if real else scores.float()).mean()
