"""Networks by name, one file each. All take RGB in [0, 1], [N, 3, h, w], with h and w multiples of 16."""

import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dfs_core.errors import ConfigError
from dfs_core.labels import LabelSet

if TYPE_CHECKING:
    from torch import nn

    from dfs_core.models.segmenter import Segmenter

GENERATORS = {"fast": "fast:FastGenerator"}
"""They answer with an `Estimate`."""

DISCRIMINATORS: dict[str, str] = {}
"""They take what a generator was given and an image, [N, 3, h, w] in [0, 1] each, and answer with scores of patches."""

SEGMENTERS = {"lite": "lite_segmenter:LiteSegmenter", "unet": "unet_segmenter:UnetSegmenter"}
"""They are made for a label set, and answer with logits or colours; see `Segmenter`."""

PRETRAINED = ("lite",)
"""Segmenters that start from the weights of a package unless they are told not to."""


def create_generator(name: str, options: Mapping[str, object] | None = None) -> "nn.Module":
    """Return a new generator.

    Raises:
        ConfigError: there is no such generator, or it has no such option.
    """
    return _create("generator", GENERATORS, name, {}, options or {})


def create_discriminator(name: str, options: Mapping[str, object] | None = None) -> "nn.Module":
    """Return a new discriminator; see `create_generator`."""
    return _create("discriminator", DISCRIMINATORS, name, {}, options or {})


def create_segmenter(name: str, labels: LabelSet, options: Mapping[str, object] | None = None) -> "Segmenter":
    """Return a new segmenter for a label set; see `create_generator`."""
    return _create("segmenter", SEGMENTERS, name, {"labels": labels}, options or {})  # type: ignore[return-value]


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
    return network(**given, **options)
