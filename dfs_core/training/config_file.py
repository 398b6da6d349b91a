"""Configurations as YAML: read with overrides, every unknown key refused and the nearest known one named."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from dfs_core.errors import ConfigError
from dfs_core.training.config import TrainingConfig

Kind = TypeVar("Kind")


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
        raise ConfigError(f"{path}: not YAML ({_one_line(error)}); see config/train/ for examples") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold 'key: value' lines, not {type(values).__name__}")
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"--set {override}: must be key=value")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {override}: its value is not YAML ({_one_line(error)})") from error
        _set(values, key.split("."), value, source=f"--set {override}")
    return _build(TrainingConfig, values, source=str(path))


def from_plain(values: Mapping[str, Any], *, source: str) -> TrainingConfig:
    """Return the configuration that `to_plain` gave these values for; keys that are not there have their defaults.

    Args:
        values: from YAML or a checkpoint.
        source: what errors name.

    Raises:
        ConfigError: a key is unknown, or a value is of another type or out of range.
    """
    return _build(TrainingConfig, values, source=source)


def to_plain(config: object) -> Any:
    """Return a configuration as what YAML and JSON can hold."""
    if dataclasses.is_dataclass(config):
        return {entry.name: to_plain(getattr(config, entry.name)) for entry in dataclasses.fields(config)}
    if isinstance(config, tuple):
        return [to_plain(value) for value in config]
    if isinstance(config, dict):
        return {key: to_plain(value) for key, value in config.items()}
    return str(config) if isinstance(config, Path) else config


def _set(values: dict[str, Any], keys: list[str], value: object, *, source: str) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{source}: '{key}' is a value and has no keys in it")
    values[keys[-1]] = value


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
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _build(hint, value, source=source, where=f"{where}.")
    if origin is tuple and isinstance(value, list) and (arguments[-1] is Ellipsis or len(value) == len(arguments)):
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_convert(kind, entry, source, where) for kind, entry in zip(kinds, value, strict=True))
    if origin is dict and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _convert(arguments[1], entry, source, f"{where}.{key}") for key, entry in value.items()}
    converted = _scalar(hint, value) if origin is None else None
    if converted is None:
        name = getattr(hint, "__name__", str(hint)) if origin is None else str(hint)
        raise ConfigError(f"{source}: '{where}' must be {name}, not {value!r}")
    return converted


def _scalar(hint: Any, value: object) -> object | None:
    """Return a value as a type without parts; None if it is none of that type. YAML takes 2e-3 for text."""
    if hint is Any:
        return value
    if hint is Path:
        return Path(value).expanduser() if isinstance(value, str) else None
    if isinstance(value, bool) and hint is not bool:
        return None
    if hint is float and isinstance(value, (int, float, str)):
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, hint) else None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
