"""What a network costs: its parameters, and the multiplications of one pass."""

import copy
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class Cost(NamedTuple):
    """What a network costs.

    Attributes:
        parameters: trainable or frozen ones, without the averages of BatchNorm.
        macs: multiply-accumulates of convolutions and matrix products in one pass forward.
    """

    parameters: int
    macs: int


def cost(network: nn.Module, *shapes: tuple[int, ...]) -> Cost:
    """Return what a pass through a network costs; nothing is computed, and the network stays as it is.

    Args:
        network: any that torch can run on its meta device.
        shapes: of the network's inputs, such as (1, 3, 256, 256).
    """
    # Weights are known to the copier beforehand, as tensors without memory, so that large networks are not doubled.
    weights = {id(value): nn.Parameter(value.to("meta")) for value in network.parameters()}
    buffers = {id(value): value.to("meta") for value in network.buffers()}
    shell = copy.deepcopy(network, {**weights, **buffers}).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        shell(*(torch.empty(shape, device="meta") for shape in shapes))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Cost(parameters, counter.get_total_flops() // 2)


def describe(network: nn.Module, height: int, width: int, *, images: int = 1) -> str:
    """Return a line such as "11.4 M parameters, 49.6 GMAC at 256x256", the size given as width x height.

    Args:
        network: takes RGB images.
        height: of the images; a multiple of what the network halves them by.
        width: alike.
        images: how many of them it takes at once: 1 for generators and segmenters, 2 for discriminators.
    """
    parameters, macs = cost(network, *[(1, 3, height, width)] * images)
    return f"{_three_digits(parameters / 1e6)} M parameters, {_three_digits(macs / 1e9)} GMAC at {width}x{height}"


def _three_digits(number: float) -> str:
    return f"{number:.3g}" if number < 999.5 else f"{number:.0f}"
