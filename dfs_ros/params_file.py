"""What a ROS parameter file says of one node, before that node is there to be asked."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from dfs_core.errors import ConfigError

_PARAMETERS = "ros__parameters"


def parameters_of(node: str, file: Path) -> dict[str, object]:
    """Return the parameters that a file gives a node, by name; of two sections that fit, the later one wins.

    Args:
        node: its full name, such as /dehaze_node.
        file: YAML of sections that are called as nodes are, with * for one word and ** for any number of them.

    Raises:
        ConfigError: it cannot be read, or is no such file.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, Mapping):
        raise ConfigError(f"{file}: must hold sections such as '/**:', each with {_PARAMETERS}; see config/dehaze.yaml")
    return {
        str(name): value
        for section, values in _sections(content)
        if _fits(section, node) and isinstance(values, Mapping)
        for name, value in values.items()
    }


def _sections(content: Mapping[object, object], place: str = "") -> Iterator[tuple[str, object]]:
    """Yield what each section is called in full, and its parameters; sections may lie within namespaces."""
    for key, value in content.items():
        if key == _PARAMETERS:
            yield place, value
        elif isinstance(value, Mapping):
            yield from _sections(value, f"{place}/{str(key).strip('/')}".rstrip("/"))


def _fits(section: str, node: str) -> bool:
    pattern = re.escape(section).replace(r"/\*\*", r"(/\w+)*").replace(r"/\*", r"/\w+")
    return re.fullmatch(pattern, node) is not None
