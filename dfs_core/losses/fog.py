"""Terms about the fog itself, for generators that estimate it."""

import torch

_LEAST_PROBABILITY = 1e-4


def attainable(
    clear: torch.Tensor, airlight: torch.Tensor, transmission: torch.Tensor, *, floor: float
) -> torch.Tensor:
    """Return what can be asked of a dehazed image, [N, 3, H, W]: clear where light survives, fog where none does.

    It is J' = A + (J - A) min(1, t / t0), what the fog model gives back from I when t is floored at t0. Behind fog that
    lets nothing through, such as before the sky, any other answer would be made up.

    Args:
        clear: J, [N, 3, H, W] in [0, 1].
        airlight: A, [N, 3, H, W], or [N, 3, 1, 1] where it is the same everywhere.
        transmission: t, [N, 1, H, W].
        floor: t0.
    """
    return airlight + (clear - airlight) * (transmission / floor).clamp(max=1.0)


def transmission(predicted: torch.Tensor, true: torch.Tensor, *, floor: float, unseen: float = 0.0) -> torch.Tensor:
    """Mean absolute difference of two transmissions [N, 1, H, W], over the pixels where light survives.

    A pixel counts fully from t0 on, and not at all where hardly any light survives, which is left to the generator.

    Args:
        predicted: t as it is told, [N, 1, H, W].
        true: t as it is.
        floor: t0, the least that is asked for.
        unseen: t up to which a pixel does not count; see `hidden`.
    """
    weight = ((true - unseen) / (floor - unseen)).clamp(0.0, 1.0)
    return ((predicted - true.clamp(min=floor)).abs() * weight).mean()


def hidden(predicted: torch.Tensor, true_transmission: torch.Tensor, *, unseen: float) -> torch.Tensor:
    """Cross-entropy of the share of a pixel that is nothing but fog, [N, 1, H, W]: 1 - t / unseen, and 0 from there on.

    It keeps the sky out of the transmission: were the sky asked for t = 1, whatever is far and pale would get it too.
    Things that the fog hides as well as the sky count as it does: nothing in the frame tells them apart.

    Args:
        predicted: the share as it is told.
        true_transmission: t; 0 before the sky.
        unseen: t from which on a thing shows.
    """
    predicted = predicted.clamp(_LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)
    share = (1.0 - true_transmission / unseen).clamp(min=0.0)
    return -(share * predicted.log() + (1.0 - share) * (1.0 - predicted).log()).mean()


def airlight(predicted: torch.Tensor, true: torch.Tensor, fog_share: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of two airlights; pixels count by their share of fog, 1 - t, [N, 1, H, W].

    The airlights are [N, 3, H, W], or [N, 3, 1, 1] where they are the same everywhere.
    """
    difference = (predicted - true).abs().mean(dim=1, keepdim=True)
    return (difference * fog_share).sum() / fog_share.sum().clamp(min=1e-6)


def attenuation(predicted: torch.Tensor, true: torch.Tensor, *, clearest: float) -> torch.Tensor:
    """Mean absolute difference of the logarithms of two attenuations [N] in 1/m; below `clearest` all is clear."""
    return (predicted.log() - true.clamp(min=clearest).log()).abs().mean()
