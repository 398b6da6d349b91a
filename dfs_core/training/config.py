"""The configuration of a training run: frozen dataclasses read from YAML, with every unknown key refused."""

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from dfs_core.data.fog import FogRange
from dfs_core.data.transforms import View
from dfs_core.errors import ConfigError

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class LossWeights:
    """Weights of the generator's loss; the first two are λ1 and λ3 of the paper's equation 1.

    Attributes:
        pixel: L_pixel, against the clear image.
        segmentation: L_seg, cross-entropy of the frozen segmenter on the dehazed image.
        transmission, airlight, attenuation: of the fog that was put in, where the generator predicts it.
    """

    pixel: float = 10.0
    segmentation: float = 0.3
    transmission: float = 5.0
    airlight: float = 2.0
    attenuation: float = 0.2


@dataclass(frozen=True)
class TrainingConfig:
    """One training run.

    Attributes:
        task: "segmenter" or "dehazer".
        model: name of the network in the registry of that task.
        data: folder of the dataset (CamVid).
        steps: optimisation steps in all.
        batch: items a step.
        learning_rate: highest rate of AdamW, reached after `warmup` steps and lowered to 0 along a cosine.
        weight_decay: of AdamW.
        warmup: steps.
        ema: share of the averaged weights that is kept at each step.
        seed: of everything random.
        precision: Lightning Fabric's, such as "32-true" or "bf16-mixed".
        workers: processes that prepare data.
        save_every: steps between two checkpoints.
        validate_every: steps between two validations.
        segmenter: checkpoint of the frozen network that L_seg looks through; needed by "dehazer".
        loss: weights of the dehazer's loss.
        fog: where training fogs are drawn from.
        view: how scenes are varied.
        depth_error: see `Stream`.
        validation_attenuation: fog densities that the dehazer is validated at, 1/m.
    """

    task: str
    model: str
    data: Path
    steps: int
    batch: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup: int = 100
    ema: float = 0.998
    seed: int = 1
    precision: str = "bf16-mixed"
    workers: int = 2
    save_every: int = 200
    validate_every: int = 400
    segmenter: Path | None = None
    loss: LossWeights = field(default_factory=LossWeights)
    fog: FogRange = field(default_factory=FogRange)
    view: View = field(default_factory=View)
    depth_error: float = 0.4
    validation_attenuation: tuple[float, ...] = (0.01, 0.03)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        if self.task not in ("segmenter", "dehazer"):
            raise ConfigError(f"task must be 'segmenter' or 'dehazer', not '{self.task}'")
        if self.task == "dehazer" and self.loss.segmentation > 0.0 and self.segmenter is None:
            raise ConfigError("a dehazer with loss.segmentation > 0 needs 'segmenter', the checkpoint that L_seg uses")
        for lowest, names in ((1, ("steps", "batch", "save_every", "validate_every")), (0, ("warmup", "workers"))):
            for name in names:
                if getattr(self, name) < lowest:
                    raise ConfigError(f"{name} must be at least {lowest}, not {getattr(self, name)}")
        if not 0.0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning_rate must be above 0, not {self.learning_rate}")
        if not 0.0 <= self.ema < 1.0:
            raise ConfigError(f"ema must be in [0, 1), not {self.ema}")
        if not all(attenuation > 0.0 for attenuation in self.validation_attenuation):
            raise ConfigError(f"validation_attenuation must be above 0, not {list(self.validation_attenuation)}")
        for where, ranges in (("fog", self.fog), ("view", self.view)):
            _check_pairs(where, ranges)
        if not self.fog.mor_m[0] > 0.0:
            raise ConfigError(f"fog.mor_m must be above 0 metres, not {list(self.fog.mor_m)}")
        if any(side < 16 or side % 16 for side in self.view.size):
            raise ConfigError(f"view.size must be multiples of 16, the networks' stride, not {list(self.view.size)}")


def read(path: Path, overrides: Sequence[str] = ()) -> TrainingConfig:
    """Return the configuration in a YAML file, with `key=value` overrides; nested keys are joined by dots.

    Raises:
        ConfigError: the file cannot be read, a key is unknown, or a value is of another type or out of range.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); see config/train/ for examples") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML ({error}); see config/train/ for examples") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold 'key: value' lines, not {type(values).__name__}")
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"--set {override}: must be key=value")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {override}: its value is not YAML ({error})") from error
        _set(values, key.split("."), value, source=f"--set {override}")
    return _build(TrainingConfig, values, source=str(path))


def to_plain(config: object) -> Any:
    """Return a configuration as what YAML and JSON can hold."""
    if dataclasses.is_dataclass(config):
        return {entry.name: to_plain(getattr(config, entry.name)) for entry in dataclasses.fields(config)}
    if isinstance(config, tuple):
        return [to_plain(value) for value in config]
    return str(config) if isinstance(config, Path) else config


def _set(values: dict[str, Any], keys: list[str], value: object, *, source: str) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{source}: '{key}' is a value and has no keys in it")
    values[keys[-1]] = value


def _check_pairs(where: str, ranges: FogRange | View) -> None:
    """Refuse a range whose lowest value is above its highest."""
    for entry in dataclasses.fields(ranges):
        value = getattr(ranges, entry.name)
        if entry.name != "size" and isinstance(value, tuple) and value[0] > value[1]:
            raise ConfigError(f"{where}.{entry.name} must be [lowest, highest], not {list(value)}")


def _build(kind: type[Kind], values: Mapping[str, Any], *, source: str, where: str = "") -> Kind:
    hints = typing.get_type_hints(kind)
    for key in values:
        if key not in hints:
            near = difflib.get_close_matches(str(key), hints, n=1)
            hint = f"did you mean '{where}{near[0]}'?" if near else f"known are {', '.join(hints)}"
            raise ConfigError(f"{source}: unknown key '{where}{key}'; {hint}")
    missing = [
        entry.name
        for entry in dataclasses.fields(kind)  # type: ignore[arg-type]
        if entry.default is dataclasses.MISSING
        and entry.default_factory is dataclasses.MISSING
        and entry.name not in values
    ]
    if missing:
        raise ConfigError(f"{source}: these keys are missing: {', '.join(where + name for name in missing)}")
    return kind(**{key: _convert(hints[key], value, source, where + key) for key, value in values.items()})


def _convert(hint: Any, value: Any, source: str, where: str) -> Any:
    """Return the value as the type that a field asks for, or say what it should have been."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _convert(arguments[0], value, source, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, dict):
            return _build(hint, value, source=source, where=f"{where}.")
    elif origin is tuple:
        if isinstance(value, list) and (arguments[-1] is Ellipsis or len(value) == len(arguments)):
            kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
            return tuple(_convert(kind, entry, source, where) for kind, entry in zip(kinds, value, strict=True))
    elif hint is Path:
        if isinstance(value, str):
            return Path(value)
    elif hint is float:
        number = _number(value)
        if number is not None:
            return number
    elif isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    name = getattr(hint, "__name__", str(hint)) if origin is None else str(hint)
    raise ConfigError(f"{source}: '{where}' must be {name}, not {value!r}")


def _number(value: object) -> float | None:
    """Return a value as a number if it is one; YAML takes 2e-3, without a point, for text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
