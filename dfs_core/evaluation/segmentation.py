"""Run networks on single images, as evaluation does it: at a size that the runtime would use."""

import textwrap
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dfs_core.artifact import NETWORK_WIDTH
from dfs_core.errors import CheckpointError
from dfs_core.labels import LABEL_SETS
from dfs_core.models import PRETRAINED, create_generator, create_segmenter
from dfs_core.models.pipeline import network_size, resize, restore, shrink
from dfs_core.models.segmenter import Segmenter
from dfs_core.models.translator import Translator
from dfs_core.training import checkpoint
from dfs_core.training.checkpoint import Checkpoint

Image = NDArray[np.uint8]
Size = tuple[int, int]


def load_segmenter(path: Path) -> Segmenter:
    """Return the averaged weights of a checkpoint as a frozen segmenter in evaluation mode.

    Raises:
        CheckpointError: the file is not a checkpoint or one of another task, or its weights do not fit the network that
            it names.
    """
    state = _load(path, "segmenter")
    if state.labels not in LABEL_SETS:
        raise CheckpointError(
            f"{path}: its label set '{state.labels}' is none of {', '.join(LABEL_SETS)}; train it again"
        )
    config = state.config
    options = config["model_options"] | PRETRAINED.get(config["model"], {})
    network = create_segmenter(config["model"], LABEL_SETS[state.labels], options)
    _fill(network, state, path)
    return network


def load_generator(path: Path) -> nn.Module:
    """Return the averaged weights of a checkpoint as a frozen generator; see `load_segmenter`."""
    state = _load(path, "dehazer")
    options = state.config["model_options"] | PRETRAINED.get(state.config["model"], {})
    network = create_generator(state.config["model"], options)
    _fill(network, state, path)
    return network


def network_width(path: Path) -> int:
    """Return the width in pixels of the frames that a checkpoint's network is for.

    Raises:
        CheckpointError: the file is not a checkpoint.
    """
    width: int = checkpoint.load(path).config.get("network_width", NETWORK_WIDTH)
    return width


def answer(segmenter: Segmenter, image: Image, size: Size | None = None) -> torch.Tensor:
    """Return what a segmenter makes of an image, RGB uint8 [H, W, 3]: logits or colours [1, C, h, w].

    Args:
        segmenter: the network.
        image: what it is to look at.
        size: height and width that it looks at; those of a network of `NETWORK_WIDTH` if not given.
    """
    return segmenter(shrink(_batch(image, segmenter), *(size or network_size(*image.shape[:2]))))


def mask_of(segmenter: Segmenter, answered: torch.Tensor, height: int, width: int) -> Image:
    """Return class ids [height, width] of what a segmenter answered."""
    scores = segmenter.scores(answered).float()
    return resize(scores, height, width).argmax(dim=1)[0].to(torch.uint8).cpu().numpy()


def predict_mask(segmenter: Segmenter, image: Image, size: Size | None = None) -> Image:
    """Return class ids at the image's size, [H, W], from RGB uint8 [H, W, 3]; `size` as in `answer`."""
    return mask_of(segmenter, answer(segmenter, image, size), *image.shape[:2])


def dehaze(generator: nn.Module, image: Image, size: Size | None = None) -> Image:
    """Return the dehazed image, RGB uint8 [H, W, 3].

    A generator that estimates the fog looks at a frame of height and width `size`, as in `answer`; one that draws the
    image itself looks at the whole of it.
    """
    frames = _batch(image, generator)
    if isinstance(generator, Translator):
        hazy = frames / 255.0
        dehazed = generator.whole(hazy).dehaze(hazy)
        return (255.0 * dehazed).clamp(0.0, 255.0).round().to(torch.uint8)[0].permute(1, 2, 0).cpu().numpy()
    restoration = generator(shrink(frames, *(size or network_size(*image.shape[:2])))).restoration()
    return restore(frames, restoration)[0].cpu().numpy()


def _load(path: Path, task: str) -> Checkpoint:
    state = checkpoint.load(path)
    if (found := state.config["task"]) != task:
        raise CheckpointError(f"{path}: a checkpoint of the task '{found}', but a {task} is needed")
    return state


def _fill(network: nn.Module, state: Checkpoint, path: Path) -> None:
    """Put the weights into the network and freeze it."""
    try:
        network.load_state_dict(state.averaged)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: its weights do not fit the network '{state.config['model']}' of this version of DFS "
            f"({textwrap.shorten(str(error), 200, placeholder=' …')}); train it again"
        ) from error
    network.eval().requires_grad_(False)


def _batch(image: Image, network: nn.Module) -> torch.Tensor:
    """Return an image as a batch of one, float [1, 3, H, W] in [0, 255], where the network is."""
    device = next(network.parameters()).device
    return torch.tensor(np.ascontiguousarray(image)).to(device).permute(2, 0, 1)[None].float()
