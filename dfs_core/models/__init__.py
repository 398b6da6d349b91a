"""Networks by name. Every one takes RGB in [0, 1], [N, 3, h, w], with h and w multiples of 16."""

from collections.abc import Callable

from torch import nn

from dfs_core.errors import ConfigError


def _fast(**options: object) -> nn.Module:
    from dfs_core.models.fast import FastGenerator

    return FastGenerator(**options)  # type: ignore[arg-type]


def _lite(**options: object) -> nn.Module:
    from dfs_core.models.lite_segmenter import LiteSegmenter

    return LiteSegmenter(**options)  # type: ignore[arg-type]


def _unet(**options: object) -> nn.Module:
    from dfs_core.models.unet_segmenter import UnetSegmenter

    return UnetSegmenter(**options)  # type: ignore[arg-type]


GENERATORS: dict[str, Callable[..., nn.Module]] = {"fast": _fast}
SEGMENTERS: dict[str, Callable[..., nn.Module]] = {"lite": _lite, "unet": _unet}


def create(registry: dict[str, Callable[..., nn.Module]], name: str, **options: object) -> nn.Module:
    """Return a new network.

    Raises:
        ConfigError: the registry has no network of that name.
    """
    if name not in registry:
        raise ConfigError(f"there is no network '{name}'; choose one of {', '.join(sorted(registry))}")
    return registry[name](**options)
