"""Between which bounds the numbers of a configuration lie."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from dfs_core.errors import ConfigError

if TYPE_CHECKING:
    from dfs_core.training.config import TrainingConfig


class _Bound(NamedTuple):
    """A condition that each of some keys' numbers must meet, and how it is called."""

    words: str
    holds: Callable[[float], bool]
    keys: tuple[str, ...]


_COUNTS = ("steps", "epochs", "batch", "accumulate", "save_every", "validate_every", "validation_samples", "patience")
_AMOUNTS = ("warmup", "workers", "panel_rows", "seed", "data.seed", "weight_decay", "depth_error")
_FOG_LOSSES = ("transmission", "airlight", "attenuation", "hidden")
_LOSSES = ("adversarial", "pixel", "harm", "perceptual", "segmentation", *_FOG_LOSSES)
_LIGHTS = ("view.brightness", "view.contrast", "view.saturation", "view.tint")
_RATES = ("learning_rate", "discriminator_learning_rate", "clip")

_BOUNDS = (
    _Bound("at least 1", lambda number: number >= 1, _COUNTS),
    _Bound("at least 0", lambda number: number >= 0, (*_AMOUNTS, *_LIGHTS)),
    _Bound("at least 0", lambda number: number >= 0, tuple(f"loss.{name}" for name in _LOSSES)),
    _Bound(
        "at least 0",
        lambda number: number >= 0,
        ("fog.airlight_tint", "fog.airlight_unevenness", "fog.unevenness", "fog.noise", "fog.white_balance"),
    ),
    _Bound("at least 0 each", lambda number: number >= 0, ("loss.segmentation_forms",)),
    _Bound(
        "above 0",
        lambda number: number > 0,
        (*_RATES, "validation_attenuation", "fog.gamma", "fog.exposure", "view.scale"),
    ),
    _Bound("above 0 metres", lambda number: number > 0, ("fog.mor_m",)),
    _Bound("in [0, 1)", lambda number: 0 <= number < 1, ("ema", "betas")),
    _Bound(
        "in [0, 1]",
        lambda number: 0 <= number <= 1,
        ("fog.clear_share", "fog.airlight", "fog.jpeg_share", "fog.ideal_share"),
    ),
    _Bound("in 1 to 100", lambda number: 1 <= number <= 100, ("fog.jpeg_quality",)),
)


def check_bounds(config: "TrainingConfig") -> None:
    """Refuse numbers that nothing can be trained with, infinite ones among them.

    Raises:
        ConfigError: names the key, its value, and what it must be.
    """
    for bound in _BOUNDS:
        for key in bound.keys:
            value: Any = functools.reduce(getattr, key.split("."), config)
            if value is not None and not all(math.isfinite(number) and bound.holds(number) for number in _all(value)):
                found = list(value) if isinstance(value, tuple) else value
                raise ConfigError(f"{key} must be {bound.words}, not {found}")
    for where, ranges in (("fog", config.fog), ("view", config.view)):
        for entry in dataclasses.fields(ranges):
            value = getattr(ranges, entry.name)
            if entry.name != "size" and isinstance(value, tuple) and value[0] > value[1]:
                raise ConfigError(f"{where}.{entry.name} must be [lowest, highest], not {list(value)}")


def _all(value: float | tuple[float, ...] | dict[str, float]) -> Iterable[float]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, tuple) else (value,)
