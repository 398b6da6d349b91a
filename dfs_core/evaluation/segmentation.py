"""Run networks on single images, as evaluation does it: at the size that the runtime would use."""

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dfs_core.errors import ConfigError
from dfs_core.labels import CAMVID_11
from dfs_core.models import GENERATORS, SEGMENTERS, create
from dfs_core.models.pipeline import network_size, resize, shrink
from dfs_core.training import checkpoint

Image = NDArray[np.uint8]


def load_network(path: Path) -> nn.Module:
    """Return the averaged weights of a checkpoint as a frozen network in evaluation mode.

    Raises:
        ConfigError: the file is not a checkpoint, or its weights do not fit the network that it names.
    """
    state = checkpoint.load(path)
    registry = SEGMENTERS if state.config["task"] == "segmenter" else GENERATORS
    options: dict[str, object] = {"classes": len(CAMVID_11)} if state.config["task"] == "segmenter" else {}
    if state.config["model"] == "lite":
        options["pretrained"] = False
    network = create(registry, state.config["model"], **options)
    try:
        network.load_state_dict(state.averaged)
    except RuntimeError as error:
        raise ConfigError(f"{path}: its weights do not fit the network '{state.config['model']}': {error}") from error
    return network.eval().requires_grad_(False)


def load_segmenter(path: Path) -> nn.Module:
    """Return a frozen segmenter.

    Raises:
        ConfigError: the checkpoint is not of a segmenter.
    """
    if (task := checkpoint.load(path).config["task"]) != "segmenter":
        raise ConfigError(f"{path}: a checkpoint of the task '{task}', but a segmenter is needed")
    return load_network(path)


def predict_mask(segmenter: nn.Module, image: Image) -> Image:
    """Return class ids at the image's size, [H, W], from RGB uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    logits = segmenter(shrink(_batch(image), *network_size(height, width)))
    return resize(logits, height, width).argmax(dim=1)[0].to(torch.uint8).numpy()


def dehaze(generator: nn.Module, image: Image) -> Image:
    """Return the dehazed image, RGB uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    frames = _batch(image)
    restoration = generator(shrink(frames, *network_size(height, width))).restoration()
    restoration = resize(restoration, height, width)
    dehazed = restoration[:, :1] * frames + 255.0 * restoration[:, 1:]
    return dehazed.clamp(0.0, 255.0).round().to(torch.uint8)[0].permute(1, 2, 0).contiguous().numpy()


def _batch(image: Image) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float()


def read_image(path: Path) -> Image:
    """Return an image file as RGB uint8 [H, W, 3].

    Raises:
        ConfigError: it cannot be decoded.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ConfigError(f"{path}: cannot be decoded as an image")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
