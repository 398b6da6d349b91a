"""Run networks on single images, as evaluation does it: at the size that the runtime would use."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dfs_core.errors import CheckpointError
from dfs_core.labels import CAMVID_11
from dfs_core.models import GENERATORS, SEGMENTERS, create
from dfs_core.models.pipeline import network_size, resize, restore, shrink
from dfs_core.training import checkpoint

Image = NDArray[np.uint8]


def load_network(path: Path, task: str) -> nn.Module:
    """Return the averaged weights of a checkpoint as a frozen network in evaluation mode.

    Args:
        path: the checkpoint.
        task: what it must have been trained for, "segmenter" or "dehazer".

    Raises:
        CheckpointError: the file is not a checkpoint or one of another task, or its weights do not fit the network that
            it names.
    """
    state = checkpoint.load(path)
    if (found := state.config["task"]) != task:
        raise CheckpointError(f"{path}: a checkpoint of the task '{found}', but a {task} is needed")
    name: str = state.config["model"]
    options: dict[str, object] = {}
    if task == "segmenter":
        options["classes"] = len(CAMVID_11)
    if name == "lite":
        options["pretrained"] = False
    network = create(SEGMENTERS if task == "segmenter" else GENERATORS, name, **options)
    try:
        network.load_state_dict(state.averaged)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: its weights do not fit the network '{name}' of this version of DFS ({error}); train it again"
        ) from error
    return network.eval().requires_grad_(False)


def load_segmenter(path: Path) -> nn.Module:
    """Return a frozen segmenter; see `load_network`."""
    return load_network(path, "segmenter")


def load_generator(path: Path) -> nn.Module:
    """Return a frozen generator; see `load_network`."""
    return load_network(path, "dehazer")


def predict_mask(segmenter: nn.Module, image: Image) -> Image:
    """Return class ids at the image's size, [H, W], from RGB uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    logits = segmenter(shrink(_batch(image, segmenter), *network_size(height, width)))
    return resize(logits, height, width).argmax(dim=1)[0].to(torch.uint8).cpu().numpy()


def dehaze(generator: nn.Module, image: Image) -> Image:
    """Return the dehazed image, RGB uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    frames = _batch(image, generator)
    restoration = generator(shrink(frames, *network_size(height, width))).restoration()
    return restore(frames, restoration)[0].cpu().numpy()


def _batch(image: Image, network: nn.Module) -> torch.Tensor:
    """Return an image as a batch of one, float [1, 3, H, W] in [0, 255], where the network is."""
    device = next(network.parameters()).device
    return torch.from_numpy(image).to(device).permute(2, 0, 1)[None].float()
