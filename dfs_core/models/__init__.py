"""Networks by name, one file each. All take RGB in [0, 1], [N, 3, h, w].

h and w are multiples of 16; `unet_256` wants multiples of 256.
"""

import importlib
import inspect
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dfs_core.errors import ConfigError
from dfs_core.labels import LabelSet

if TYPE_CHECKING:
    from torch import nn

    from dfs_core.models.features import Features
    from dfs_core.models.segmenter import Segmenter

GENERATORS = {
    "fast": "fast:FastGenerator",
    "resnet_9blocks": "resnet_9blocks:Resnet9Blocks",
    "unet_256": "unet_256:Unet256",
}
"""They answer with an `Estimate`."""

DISCRIMINATORS = {"patchgan_70": "patchgan_70:PatchGan70"}
"""They take what a generator was given and an image, [N, 3, h, w] in [0, 1] each, and answer with scores of patches."""

SEGMENTERS = {
    "deeplabv3": "deeplabv3:DeepLabV3",
    "lite": "lite_segmenter:LiteSegmenter",
    "pix2pix_rgb": "pix2pix_rgb:Pix2PixRgb",
    "unet": "unet_segmenter:UnetSegmenter",
}
"""They are made for a label set, and answer with logits or colours; see `Segmenter`."""

FEATURES = {
    "efficientnet_lite0": "efficientnet_features:EfficientnetLite0Features",
    "vgg16": "vgg16_features:Vgg16Features",
}
"""They look at images for L_percep, and never learn; see `Features`."""

PRETRAINED: dict[str, dict[str, object]] = {
    "deeplabv3": {"weights": None},
    "fast": {"pretrained": False},
    "lite": {"pretrained": False},
}
"""Networks that can start from other people's weights, with the options that keep them from it, which they need not
do where a checkpoint's weights follow."""


def create_generator(name: str, options: Mapping[str, object] | None = None) -> "nn.Module":
    """Return a new generator.

    Raises:
        ConfigError: there is no such generator, or it has no such option, or not of such a value.
    """
    return _create("generator", GENERATORS, name, {}, options or {})


def create_discriminator(name: str, options: Mapping[str, object] | None = None) -> "nn.Module":
    """Return a new discriminator; see `create_generator`."""
    return _create("discriminator", DISCRIMINATORS, name, {}, options or {})


def create_segmenter(name: str, labels: LabelSet, options: Mapping[str, object] | None = None) -> "Segmenter":
    """Return a new segmenter for a label set; see `create_generator`."""
    return _create("segmenter", SEGMENTERS, name, {"labels": labels}, options or {})  # type: ignore[return-value]


def create_features(name: str, file: Path | None = None) -> "Features":
    """Return a frozen network for L_percep.

    Args:
        name: one of `FEATURES`.
        file: its weights, where they are not in a package.

    Raises:
        ConfigError: there is no such network, it lacks a file, or it takes none.
        CheckpointError: the file cannot be read, or holds other weights.
    """
    options = {} if file is None else {"file": file}
    return _create("feature network", FEATURES, name, {}, options)  # type: ignore[return-value]


def _create(
    kind: str, registry: Mapping[str, str], name: str, given: Mapping[str, object], options: Mapping[str, object]
) -> "nn.Module":
    if name not in registry:
        raise ConfigError(f"there is no {kind} '{name}'; choose one of {', '.join(sorted(registry))}")
    module, _, attribute = registry[name].partition(":")
    network = getattr(importlib.import_module(f"dfs_core.models.{module}"), attribute)
    known = [key for key in inspect.signature(network).parameters if key not in given]
    if unknown := sorted(set(options) - set(known)):
        raise ConfigError(
            f"the {kind} '{name}' has no option {', '.join(unknown)}; its options are {', '.join(known) or 'none'}"
        )
    hints = typing.get_type_hints(network.__init__)
    for key, value in options.items():
        if hints[key] is int:
            wanted, fits = "a whole number from 1 on", type(value) is int and value >= 1
        else:
            wanted, fits = getattr(hints[key], "__name__", str(hints[key])), isinstance(value, hints[key])
        if not fits:
            raise ConfigError(f"the option {key} of the {kind} '{name}' must be {wanted}, not {value!r}")
    return network(**given, **options)
